"""What goes to a model and comes from it: schemas, images, keywords, and what is too much."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from agent_framework import (
    BaseChatClient,
    ChatMiddlewareLayer,
    ChatResponse,
    Content,
    FunctionInvocationLayer,
    Message,
    tool,
)
from pydantic import BaseModel

import perdure
from models.asking import agent_of, app_asking, client_of
from perdure import WorkflowFailedError
from perdure.testing import run_in_memory
from perdure.testing.scripted_model import ScriptedModel, when
from perdure_agent_framework.policies import Budget, Policies
from perdure_agent_framework.registration import register

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


class City(BaseModel):
    """Structured output that other processes can import."""

    name: str
    people: int


async def run_workflow(app: perdure.App, workflow: Any) -> Any:
    async with run_in_memory(app) as env:
        handle = await env.client.start(workflow)
        return await handle.result()


async def test_structured_output_by_class_and_by_local_class() -> None:
    class Town(BaseModel):
        name: str

    rules = [
        when(output_schema="City").answers({"name": "Oslo", "people": 700_000}),
        when(output_schema="Town").answers({"name": "Moss"}),
    ]
    async with ScriptedModel(rules) as model:
        agent = agent_of(client_of(model.url))
        app = perdure.App("asking")
        register(app, agent)

        @app.workflow
        async def ask() -> list[str]:
            city = await agent.run("city?", options={"response_format": City})
            town = await agent.run("town?", options={"response_format": Town})
            return [repr(city.value), repr(town.value)]

        said = await run_workflow(app, ask)
    assert said == ["City(name='Oslo', people=700000)", "Town(name='Moss')"]


async def test_an_image_reaches_the_model_and_is_stored_once_whatever_its_size(
    tmp_path: Path,
) -> None:
    image = hashlib.shake_256(b"image").digest(600_000)

    @tool
    async def look_up(number: int) -> str:
        """Look something up."""
        return f"found {number}"

    rules = [
        when(images=1, tool_results_below=5).calls("look_up", number=1),
        when(images=1).says("a cat"),
    ]
    async with ScriptedModel(rules) as model:
        agent = agent_of(client_of(model.url), tools=[look_up])
        store = tmp_path / "payloads"
        database = tmp_path / "perdure.db"
        app = perdure.App("asking", backend=f"sqlite:///{database}", payloads=store.as_uri())
        register(app, agent)

        @app.workflow
        async def ask() -> str:
            picture = Content.from_data(data=image, media_type="image/png")
            message = Message("user", [Content.from_text("what is it?"), picture])
            return (await agent.run(message)).text

        async with app.run() as client:
            handle = await client.start(ask)
            assert await handle.result() == "a cat"
        assert len(model.requests()) == 6
    encoded = len(base64.b64encode(image))
    assert _size_of(database) < encoded / 2
    # Once in the payload of the first request, once in the transcript, whatever follows.
    assert encoded < _size_of(store) < 2.5 * encoded


def _size_of(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


class Client(
    FunctionInvocationLayer[Any],
    ChatMiddlewareLayer[Any],
    BaseChatClient[Any],
):
    """A client of a maker that nobody knows."""

    def __init__(self, answer: Callable[[Sequence[Message], dict[str, Any]], ChatResponse]) -> None:
        super().__init__()
        self._answer = answer

    def _inner_get_response(
        self,
        *,
        messages: Sequence[Message],
        stream: bool,
        options: Mapping[str, Any],
        **kwargs: Any,
    ) -> Any:
        async def answer() -> ChatResponse:
            return self._answer(messages, kwargs)

        return answer()


def says(text: str, **keywords: Any) -> ChatResponse:
    return ChatResponse(messages=[Message("assistant", [text])], **keywords)


async def test_keywords_travel_to_the_client_but_not_private_ones() -> None:
    seen: list[dict[str, Any]] = []

    def answer(messages: Sequence[Message], keywords: dict[str, Any]) -> ChatResponse:
        seen.append(keywords)
        return says("hello")

    agent = agent_of(Client(answer))
    app = perdure.App("asking")
    register(app, agent)

    @app.workflow
    async def ask() -> str:
        keywords = {"extra_headers": {"x-trace": "7"}, "_private": object(), "depth": (1, 2)}
        return str(await agent.run("hi", client_kwargs=keywords))

    assert await run_workflow(app, ask) == "hello"
    assert seen == [{"extra_headers": {"x-trace": "7"}, "depth": [1, 2]}]


async def test_a_keyword_that_cannot_be_stored_says_what_to_do() -> None:
    agent = agent_of(Client(lambda messages, keywords: says("hello")))
    app = perdure.App("asking")
    register(app, agent)

    @app.workflow
    async def ask() -> str:
        return str(await agent.run("hi", client_kwargs={"pool": object()}))

    with pytest.raises(WorkflowFailedError, match=r"keyword 'pool' of a model call .* JSON types"):
        await run_workflow(app, ask)


async def test_what_an_answer_has_beside_json_is_left_out_or_told() -> None:
    def answer(messages: Sequence[Message], keywords: dict[str, Any]) -> ChatResponse:
        if messages[-1].text == "beside":
            return says("hello", additional_properties={"raw": object(), "pair": (1, 2)})
        usage: Any = {"input_token_count": float("nan")}
        return says("hello", usage_details=usage)

    app = app_asking(agent_of(Client(answer)))
    async with run_in_memory(app) as env:
        handle = await env.client.start("ask", "beside")
        assert await handle.result() == "hello"
        handle = await env.client.start("ask", "within")
        with pytest.raises(
            WorkflowFailedError, match=r"did not answer \(unknown, 1 attempt\): Val"
        ):
            await handle.result()


async def test_a_client_that_raises_nonsense_fails_the_run_with_its_text() -> None:
    def answer(messages: Sequence[Message], keywords: dict[str, Any]) -> ChatResponse:
        raise ZeroDivisionError("a bug of the client")

    async with run_in_memory(app_asking(agent_of(Client(answer)))) as env:
        handle = await env.client.start("ask", "hi")
        with pytest.raises(WorkflowFailedError, match="ZeroDivisionError: a bug of the client"):
            await handle.result()


async def test_two_hundred_tool_calls_at_once() -> None:
    called: list[int] = []

    @tool
    async def look_up(number: int) -> str:
        """Look something up."""
        called.append(number)
        return f"found {number}"

    rule = when(tool_results=0).calls("look_up", number=0)
    for number in range(1, 200):
        rule = rule.calls("look_up", number=number)
    async with ScriptedModel([rule, when(tool_results=200).says("done")]) as model:
        app = app_asking(agent_of(client_of(model.url), tools=[look_up]))
        async with run_in_memory(app) as env:
            handle = await env.client.start("ask", "hi")
            assert await handle.result() == "done"
    assert sorted(called) == list(range(200))


async def test_a_model_that_calls_tools_for_ever_ends_at_the_frameworks_limit() -> None:
    @tool
    async def look_up(number: int) -> str:
        """Look something up."""
        return f"found {number}"

    rules = [when(tools=["look_up"]).calls("look_up", number=1), when().says("I give up")]
    async with ScriptedModel(rules) as model:
        client = client_of(model.url)
        client.function_invocation_configuration["max_iterations"] = 5
        app = app_asking(agent_of(client, tools=[look_up]))
        async with run_in_memory(app) as env:
            handle = await env.client.start("ask", "hi")
            await handle.result()
        assert len(model.requests()) == 6


@pytest.mark.parametrize(
    ("budget", "requests"), [(Budget(model_calls=3), 3), (Budget(tokens=25), 3)]
)
async def test_a_model_that_calls_tools_for_ever_ends_with_the_budget(
    budget: Budget, requests: int
) -> None:
    @tool
    async def look_up(number: int) -> str:
        """Look something up."""
        return f"found {number}"

    forever = when().calls("look_up", number=1).costs(input_tokens=9, output_tokens=1)
    async with ScriptedModel([forever]) as model:
        app = app_asking(agent_of(client_of(model.url), tools=[look_up]), Policies(budget=budget))
        async with run_in_memory(app) as env:
            handle = await env.client.start("ask", "hi")
            with pytest.raises(WorkflowFailedError, match="used up its budget"):
                await handle.result()
        assert len(model.requests()) == requests


async def test_bad_json_and_unknown_tools_are_told_to_the_model() -> None:
    @tool
    async def look_up(number: int) -> str:
        """Look something up."""
        return f"found {number}"

    rules = [
        when(tool_results=0).calls_raw("look_up", '{"number": '),
        when(tool_results=1).calls("look_down", number=1),
        when(tool_results=2).calls("look_up", number=2),
        when(tool_results=3).says("at last: {result}"),
    ]
    async with ScriptedModel(rules) as model:
        app = app_asking(agent_of(client_of(model.url), tools=[look_up]))
        async with run_in_memory(app) as env:
            handle = await env.client.start("ask", "hi")
            assert await handle.result() == "at last: found 2"


async def test_a_fallback_must_be_a_chat_client() -> None:
    from perdure_agent_framework.policies import ModelPolicy

    wrong: Any = object()
    with pytest.raises(TypeError, match=r"model 'a/fallback-1': a chat client"):
        app_asking(
            agent_of(Client(lambda messages, keywords: says("hello"))),
            Policies(model=ModelPolicy(fallbacks=(wrong,))),
        )
