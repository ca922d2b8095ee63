"""Agents of the Microsoft Agent Framework talk to the scripted model by its real clients."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from perdure.testing.scripted_model import MODEL, RequestRecord, Rule, ScriptedModel, when
from tests.testing.scripted_model.asking import client_of

pytest.importorskip("agent_framework.openai")

from agent_framework import Agent, Content, Message
from agent_framework.openai import OpenAIChatClient, OpenAIChatCompletionClient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CLIENTS = [OpenAIChatClient, OpenAIChatCompletionClient]
STREAMED = pytest.mark.parametrize("stream", [False, True])
TRIP = [
    when(user="trip", tool_results=0).calls("book", city="Oslo").calls("book", city="Paris"),
    when(user="trip", tool_results=2).says("Booked: {results}"),
    when(user="thanks").says("You are welcome."),
]


class City(BaseModel):
    name: str


async def book(city: str) -> str:
    """Book a room."""
    return f"a room in {city}"


def talk(
    kind: type[Any], rules: list[Rule], talking: Callable[[Agent[Any]], Awaitable[str]]
) -> tuple[str, list[RequestRecord]]:
    """Return what was said to an agent with such a client, and what the model was asked."""

    async def run() -> tuple[str, list[RequestRecord]]:
        async with ScriptedModel(rules) as model, client_of(model.url) as client:
            chat_client = kind(model=MODEL, async_client=client)
            agent = Agent(chat_client, "Be brief.", tools=[book])
            return await talking(agent), model.requests()

    return asyncio.run(run())


async def run_agent(agent: Agent[Any], message: Any, *, stream: bool, **options: Any) -> Any:
    """Return the agent's response, put together if it was streamed."""
    if stream:
        return await agent.run(message, stream=True, **options).get_final_response()
    return await agent.run(message, **options)


@STREAMED
@pytest.mark.parametrize("kind", CLIENTS)
def test_an_agent_calls_its_tools_and_goes_on(kind: type[Any], stream: bool) -> None:
    async def talking(agent: Agent[Any]) -> str:
        session = agent.create_session()
        first = await run_agent(agent, "A trip, please", stream=stream, session=session)
        assert first.usage_details["total_token_count"] > 0
        second = await run_agent(agent, "thanks", stream=stream, session=session)
        return f"{first.text} {second.text}"

    said, requests = talk(kind, TRIP, talking)
    assert said == "Booked: a room in Oslo\na room in Paris You are welcome."
    assert [(request.rule, request.stream) for request in requests] == [
        ("rule-1", stream),
        ("rule-2", stream),
        ("rule-3", stream),
    ]
    # The conversation grows as one, whether it is sent whole or continued by its id.
    assert requests[0].messages < requests[1].messages < requests[2].messages


@STREAMED
@pytest.mark.parametrize("kind", CLIENTS)
def test_an_agent_gets_structured_output(kind: type[Any], stream: bool) -> None:
    async def talking(agent: Agent[Any]) -> str:
        options = {"response_format": City}
        response = await run_agent(agent, "where?", stream=stream, options=options)
        assert isinstance(response.value, City)
        return response.value.name

    rules = [when(output_schema="City").answers({"name": "Oslo"})]
    assert talk(kind, rules, talking)[0] == "Oslo"


@pytest.mark.parametrize("kind", CLIENTS)
def test_an_agent_sends_an_image(kind: type[Any]) -> None:
    async def talking(agent: Agent[Any]) -> str:
        image = Content.from_data(b"\x89PNG", media_type="image/png")
        message = Message("user", ["what is it?", image])
        return str((await agent.run(message)).text)

    rules = [when(user="what", images=1).says("A picture.")]
    assert talk(kind, rules, talking)[0] == "A picture."


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize(
    "rule",
    [when(tool_results=0).calls("fly", to="Oslo"), when(tool_results=0).calls_raw("book", "{")],
)
def test_an_agent_tells_the_model_of_a_call_that_it_cannot_make(
    kind: type[Any], rule: Rule
) -> None:
    async def talking(agent: Agent[Any]) -> str:
        return str((await agent.run("trip")).text)

    said, _ = talk(kind, [rule, when(tool_results=1).says("So: {result}")], talking)
    assert said.startswith("So: Error")


@STREAMED
@pytest.mark.parametrize("kind", CLIENTS)
def test_an_agent_sees_an_answer_end_at_its_limit(kind: type[Any], stream: bool) -> None:
    async def talking(agent: Agent[Any]) -> str:
        return str((await run_agent(agent, "a", stream=stream)).finish_reason)

    assert talk(kind, [when().says("and", finish="length")], talking)[0] == "length"
