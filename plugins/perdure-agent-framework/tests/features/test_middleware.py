"""Middleware of every kind, at every place."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from agent_framework import (
    Agent,
    AgentContext,
    AgentLoopMiddleware,
    AgentMiddleware,
    AgentResponse,
    ChatContext,
    ChatMiddleware,
    ChatResponse,
    FunctionInvocationContext,
    FunctionMiddleware,
    Message,
    MiddlewareFailure,
    MiddlewareTermination,
    agent_middleware,
    chat_middleware,
    function_middleware,
)

import perdure
from agent_kit.scenarios import Scenario, Setup
from perdure.testing import run_in_memory
from perdure.testing.scripted_model import Rule, ScriptedModel, when
from perdure_agent_framework.registration import register

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from agent_kit.ways import Compare

    CallNext = Callable[[], Awaitable[None]]

RULES: list[Rule] = [
    when(tool_results=0).calls("look_up", question="q").calls("look_up", question="r"),
    when().says("done: {result}"),
]


def looking_up(setup: Setup) -> Any:
    def look_up(question: str) -> str:
        """Look up."""
        setup.recording.tool_called("look_up", question=question)
        return f"{question}: 42"

    return look_up


def marking(kind: str, name: str, seen: list[str]) -> Any:
    """Return a middleware class instance that notes when it is entered and left."""
    base: Any = {"agent": AgentMiddleware, "chat": ChatMiddleware, "function": FunctionMiddleware}

    class Marking(base[kind]):  # type: ignore[misc]  # a base chosen at run time
        async def process(self, context: Any, call_next: CallNext) -> None:
            seen.append(f"{name} in")
            await call_next()
            seen.append(f"{name} out")

    return Marking()


async def test_order_of_middleware_of_client_agent_and_run(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        seen: list[str] = []

        def of(place: str) -> list[Any]:
            return [
                marking(kind, f"{place} {kind}", seen) for kind in ("agent", "chat", "function")
            ]

        client = setup.client(middleware=of("client")[1:])
        agent = Agent(client, name="a", tools=[looking_up(setup)], middleware=of("agent"))

        async def run() -> Any:
            seen.clear()
            response = await agent.run("go", middleware=of("run"))
            # Two calls at once interleave as they complete, so they are told by number.
            return [response, [s for s in seen if "function" not in s], sorted(seen)]

        return Scenario(agents=(agent,), run=run)

    played = await compare(build, *RULES)
    order = played.outcome[1]
    assert order[:2] == ["agent agent in", "run agent in"]
    assert order[2:5] == ["client chat in", "agent chat in", "run chat in"]
    assert played.outcome[2].count("run function in") == 2


async def test_decorated_functions(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        @agent_middleware
        async def of_agent(context: AgentContext, call_next: CallNext) -> None:
            context.messages.append(Message("user", ["and be kind"]))
            await call_next()

        @chat_middleware
        async def of_chat(context: ChatContext, call_next: CallNext) -> None:
            context.options = {**(context.options or {}), "temperature": 0.5}
            await call_next()

        @function_middleware
        async def of_function(context: FunctionInvocationContext, call_next: CallNext) -> None:
            arguments: Any = context.arguments
            context.arguments = {"question": arguments["question"].upper()}
            await call_next()
            context.result = f"<{context.result[0].text}>"

        middleware: list[Any] = [of_agent, of_chat, of_function]
        agent = Agent(setup.client(), name="a", tools=[looking_up(setup)], middleware=middleware)
        return Scenario(agents=(agent,), run=lambda: agent.run("go"))

    played = await compare(build, *RULES)
    assert played.outcome["text"] == "done: <R: 42>"
    assert [call["temperature"] for call in played.model_calls] == [0.5, 0.5]


async def test_results_given_instead_of_calls(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        async def of_function(context: FunctionInvocationContext, call_next: CallNext) -> None:
            arguments: Any = context.arguments
            if arguments["question"] == "q":
                context.result = "cached"
            else:
                await call_next()

        async def of_chat(context: ChatContext, call_next: CallNext) -> None:
            if "short" in context.messages[-1].text:
                context.result = ChatResponse(messages=[Message("assistant", ["cut"])])
            else:
                await call_next()

        async def of_agent(context: AgentContext, call_next: CallNext) -> None:
            if "nothing" in context.messages[-1].text:
                context.result = AgentResponse(messages=[Message("assistant", ["none"])])
            else:
                await call_next()

        agent = Agent(
            setup.client(),
            name="a",
            tools=[looking_up(setup)],
            middleware=[of_agent, of_chat, of_function],
        )

        async def run() -> Any:
            return [await agent.run(text) for text in ("go", "short", "nothing")]

        return Scenario(agents=(agent,), run=run)

    played = await compare(build, *RULES)
    assert [each["text"] for each in played.outcome] == ["done: r: 42", "cut", "none"]
    assert len(played.model_calls) == 2
    assert len(played.tool_calls) == 1


async def test_termination_by_a_function_middleware(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        async def stop(context: FunctionInvocationContext, call_next: CallNext) -> None:
            await call_next()
            raise MiddlewareTermination(result="that is enough")

        agent = Agent(setup.client(), name="a", tools=[looking_up(setup)], middleware=[stop])
        return Scenario(agents=(agent,), run=lambda: agent.run("go"))

    played = await compare(build, when(tool_results=0).calls("look_up", question="q"))
    assert len(played.model_calls) == 1


async def test_termination_by_agent_and_chat_middleware(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        def stopping(word: str, result: Any) -> Any:
            async def stop(context: Any, call_next: CallNext) -> None:
                if word in context.messages[-1].text:
                    context.result = result
                    raise MiddlewareTermination
                await call_next()

            return stop

        answer = [Message("assistant", ["stopped"])]
        agent = Agent(
            setup.client(),
            name="a",
            middleware=[
                agent_middleware(stopping("one", AgentResponse(messages=answer))),
                chat_middleware(stopping("two", ChatResponse(messages=answer))),
            ],
        )

        async def run() -> Any:
            return [await agent.run(text) for text in ("one", "two", "three")]

        return Scenario(agents=(agent,), run=run)

    played = await compare(build, when().says("on"))
    assert played.outcome[2]["text"] == "on"


async def test_failure_of_middleware_ends_the_run(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        async def fail(context: FunctionInvocationContext, call_next: CallNext) -> None:
            await call_next()
            raise MiddlewareFailure("not allowed")

        agent = Agent(setup.client(), name="a", tools=[looking_up(setup)], middleware=[fail])
        return Scenario(agents=(agent,), run=lambda: agent.run("go"))

    played = await compare(build, when(tool_results=0).calls("look_up", question="q"))
    assert played.outcome["raised"] == "MiddlewareFailure"


async def test_an_error_of_function_middleware_is_told_to_the_model(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        async def fail(context: FunctionInvocationContext, call_next: CallNext) -> None:
            raise ValueError("no")

        agent = Agent(setup.client(), name="a", tools=[looking_up(setup)], middleware=[fail])
        return Scenario(agents=(agent,), run=lambda: agent.run("go"))

    played = await compare(build, *RULES)
    assert played.outcome["text"].startswith("done: Error")
    assert played.tool_calls == []


@pytest.mark.filterwarnings("ignore:.*is experimental")
async def test_middleware_that_runs_an_agent_again(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        loop = AgentLoopMiddleware(
            lambda *, iteration, **_: iteration < 3, next_message=lambda **_: "go on"
        )
        agent = Agent(setup.client(), name="a", tools=[looking_up(setup)], middleware=[loop])
        return Scenario(agents=(agent,), run=lambda: agent.run("go"))

    played = await compare(build, *RULES)
    assert len(played.model_calls) == 6


async def test_middleware_that_calls_an_activity() -> None:
    async with ScriptedModel(RULES) as model:
        setup = Setup(url=model.url)
        app = perdure.App("x")
        asked: list[str] = []

        @app.activity
        async def may_use(tool: str) -> bool:
            asked.append(tool)
            await asyncio.to_thread(len, tool)  # I/O is fine here
            return False

        async def guard(context: FunctionInvocationContext, call_next: CallNext) -> None:
            if await may_use(context.function.name):
                await call_next()
            else:
                context.result = "not allowed"

        agent = Agent(setup.client(), name="a", tools=[looking_up(setup)], middleware=[guard])
        register(app, agent)

        @app.workflow
        async def ask() -> str:
            return (await agent.run("go")).text

        async with run_in_memory(app) as env:
            handle = await env.client.start(ask)
            assert await handle.result() == "done: not allowed"
    assert asked == ["look_up", "look_up"]
    assert setup.recording.tools() == []
