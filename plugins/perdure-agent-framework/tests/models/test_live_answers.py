"""Answers that are streamed while they come, and whole answers in the workflow."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from agent_framework import tool

from models.asking import agent_of, app_asking, client_of
from perdure import RetryPolicy
from perdure.testing import run_in_memory
from perdure.testing.scripted_model import Rule, ScriptedModel, when
from perdure_agent_framework.catalogue import catalogue_of
from perdure_agent_framework.policies import ModelPolicy, Policies
from perdure_agent_framework.streaming.answers import StreamChunk, finish, subscribe
from perdure_agent_framework.streaming.hubs import set_hub
from perdure_agent_framework.streaming.memory import MemoryStreamHub

if TYPE_CHECKING:
    from collections.abc import Callable

SENTENCE = "the quick brown fox jumps over the lazy dog and runs away"


async def listen(
    rules: list[Rule], *, tools: list[Callable[..., object]] | None = None
) -> tuple[str, list[StreamChunk], ScriptedModel]:
    """Ask an agent whose answers are streamed; return the answer and what a subscriber got."""
    hub = MemoryStreamHub()
    retry = RetryPolicy(max_attempts=4, initial_interval=timedelta(seconds=1))
    async with ScriptedModel(rules) as model:
        agent = agent_of(client_of(model.url), tools=tools)
        app = app_asking(agent, Policies(model=ModelPolicy(retry=retry)), stream_id="turn")
        catalogue = catalogue_of(app)
        assert catalogue is not None
        set_hub(catalogue, hub)
        async with run_in_memory(app) as env:
            handle = await env.client.start("ask", "hi")
            await env.advance(seconds=10)
            answer = await handle.result()
    await finish(hub, "turn")
    return answer, [chunk async for chunk in subscribe(hub, "turn")], model


def heard(chunks: list[StreamChunk]) -> str:
    return "".join("|" if it.update is None else it.update.text for it in chunks)


async def test_pieces_reach_a_subscriber_and_the_whole_answer_the_workflow() -> None:
    answer, chunks, model = await listen([when().says(SENTENCE)])
    assert answer == heard(chunks) == SENTENCE
    assert len([it for it in chunks if it.update and it.update.text]) > 3
    assert [it.sequence for it in chunks] == list(range(len(chunks)))
    assert {(it.call, it.attempt, it.agent) for it in chunks} == {(1, 1, "a")}
    assert model.requests()[0].stream


async def test_a_stream_that_breaks_off_goes_on_where_it_was() -> None:
    answer, chunks, model = await listen(
        [when().drops(after_chunks=4, times=1), when().says(SENTENCE)]
    )
    assert answer == SENTENCE
    assert heard(chunks) == SENTENCE
    assert {it.attempt for it in chunks} == {1, 2}
    assert len(model.requests()) == 2


async def test_calls_of_a_turn_are_numbered() -> None:
    @tool
    async def look_up(number: int) -> str:
        """Look something up."""
        return f"found {number}"

    rules = [when(tool_results=0).calls("look_up", number=7), when().says("so: {result}")]
    answer, chunks, _ = await listen(rules, tools=[look_up])
    assert answer == "so: found 7"
    assert [it.call for it in chunks] == sorted(it.call for it in chunks)
    assert {it.call for it in chunks} == {1, 2}


async def test_usage_of_a_streamed_answer_is_known() -> None:
    _, chunks, _ = await listen([when().says("hello").costs(input_tokens=12, output_tokens=3)])
    usages = [
        content.usage_details
        for it in chunks
        if it.update is not None
        for content in it.update.contents
        if content.type == "usage"
    ]
    assert [it["input_token_count"] for it in usages if it] == [12]


async def test_nothing_is_streamed_where_nobody_may_listen() -> None:
    async with ScriptedModel([when().says("hello")]) as model:
        app = app_asking(agent_of(client_of(model.url)))
        async with run_in_memory(app) as env:
            handle = await env.client.start("ask", "hi")
            assert await handle.result() == "hello"
        assert not model.requests()[0].stream
