"""Prebuilt agents: each call of a model and each call of a tool is an activity of its own."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

from graph_kit.models import chat_model
from graph_kit.shapes import Log, Shape
from graph_kit.ways import WORKFLOW, app_of, golden
from langchain.agents import create_agent
from langchain.agents.middleware import (
    AgentMiddleware,
    HumanInTheLoopMiddleware,
    ModelCallLimitMiddleware,
)
from langchain.agents.structured_output import ToolStrategy
from langchain.tools import ToolRuntime, tool
from langchain_core.messages import ToolMessage
from langchain_core.tools import InjectedToolCallId
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, ToolNode, tools_condition
from langgraph.types import Command, interrupt
from pydantic import BaseModel

from perdure.spi.history import ActivityScheduled
from perdure.testing.scripted_model import Rule, ScriptedModel, when

if TYPE_CHECKING:
    from pathlib import Path

WEATHER: list[Rule] = [
    when(tool_results=0).calls("weather", city="Oslo").calls("weather", city="Rome"),
    when(tool_results=2).says("It is {result}"),
]
ASKED: dict[str, Any] = {"messages": [("user", "How is the weather?")]}
MODES = ("values", "updates", "custom")


def texts(values: dict[str, Any]) -> list[Any]:
    return [message["content"] for message in values["messages"]]


def weather_agent(log: Log, url: str) -> Shape:
    @tool
    def weather(city: str, runtime: ToolRuntime) -> str:
        """Look the weather up."""
        log.note(f"weather {city}")
        runtime.stream_writer(f"looking at {city}")
        return f"{city}: fine, {len(runtime.state['messages'])} messages"

    agent = create_agent(chat_model(url), [weather], system_prompt="Be brief.")
    return Shape(graph=agent, turns=[ASKED], modes=MODES)


async def test_an_agent_calls_its_tools_at_once(tmp_path: Path) -> None:
    async with ScriptedModel(WEATHER) as model:
        played = await golden(lambda log: weather_agent(log, model.url), tmp_path)
    assert played.ran == {"weather Oslo": 1, "weather Rome": 1}
    assert "2 messages" in texts(played.last)[-1]


async def test_each_call_of_an_agent_is_an_activity(tmp_path: Path) -> None:
    async with ScriptedModel(WEATHER) as model:
        shape = weather_agent(Log(), model.url)
        app = app_of(shape, backend=f"sqlite:///{tmp_path}/calls.db")
        async with app.run() as client:
            handle = await client.start(WORKFLOW)
            await handle.result()
            history = await handle.history()
    scheduled = [it.arguments for it in history if isinstance(it, ActivityScheduled)]
    nodes = Counter(json.loads(arguments)["request"]["node"] for arguments in scheduled)
    assert nodes == {"shape/model": 2, "shape/tools": 2}


async def test_an_agent_streams_messages(tmp_path: Path) -> None:
    async with ScriptedModel(WEATHER) as model:

        def build(log: Log) -> Shape:
            shape = weather_agent(log, model.url)
            return Shape(graph=shape.graph, turns=[ASKED], modes=("messages",))

        played = await golden(build, tmp_path)
    assert len(played.turns[0]["chunks"][" messages"][0]) > 4


class Report(BaseModel):
    """A weather report."""

    city: str
    degrees: int


async def test_an_agent_gives_structured_output(tmp_path: Path) -> None:
    rules = [when().calls("Report", city="Oslo", degrees=3)]

    async with ScriptedModel(rules) as model:

        def build(log: Log) -> Shape:
            agent = create_agent(chat_model(model.url), [], response_format=ToolStrategy(Report))
            return Shape(graph=agent, turns=[ASKED], modes=MODES)

        played = await golden(build, tmp_path)
    assert played.last["structured_response"] == {"Report": {"city": "Oslo", "degrees": 3}}


async def test_an_agent_with_middleware(tmp_path: Path) -> None:
    async with ScriptedModel(WEATHER) as model:

        def build(log: Log) -> Shape:
            class Noting(AgentMiddleware[Any, Any]):
                def before_model(self, state: Any, runtime: Any) -> None:
                    log.note("before model")

                async def aafter_agent(self, state: Any, runtime: Any) -> dict[str, Any]:
                    log.note("after agent")
                    return {"messages": [("ai", "that was all")]}

            @tool
            def weather(city: str) -> str:
                """Look the weather up."""
                log.note("weather")
                return f"{city}: fine"

            limit: Any = ModelCallLimitMiddleware(run_limit=5)
            agent = create_agent(chat_model(model.url), [weather], middleware=[Noting(), limit])
            return Shape(graph=agent, turns=[ASKED, ASKED], modes=MODES)

        played = await golden(build, tmp_path)
    assert played.ran == {"after agent": 2, "before model": 4, "weather": 4}


async def test_a_human_approves_a_tool_call(tmp_path: Path) -> None:
    rules = [
        when(tool_results=0).calls("refund", order="17"),
        when(tool_results=1).says("Done: {result}"),
    ]
    async with ScriptedModel(rules) as model:

        def build(log: Log) -> Shape:
            @tool
            def refund(order: str) -> str:
                """Refund an order."""
                log.note(f"refund {order}")
                return f"refunded {order}"

            human: Any = HumanInTheLoopMiddleware(interrupt_on={"refund": True})
            agent = create_agent(chat_model(model.url), [refund], middleware=[human])
            edited = {"name": "refund", "args": {"order": "18"}}
            decisions = {"decisions": [{"type": "edit", "edited_action": edited}]}
            return Shape(graph=agent, turns=[ASKED, Command(resume=decisions)], modes=MODES)

        played = await golden(build, tmp_path)
    assert played.ran == {"refund 18": 1}
    assert texts(played.last)[-1].endswith("refunded 18")


async def test_a_tool_asks_a_human_itself_and_the_other_is_not_called_again(tmp_path: Path) -> None:
    async with ScriptedModel(WEATHER) as model:

        def build(log: Log) -> Shape:
            @tool
            def weather(city: str) -> str:
                """Look the weather up."""
                log.note(f"weather {city}")
                return f"{city}: {interrupt('how is it?')}" if city == "Oslo" else f"{city}: fine"

            agent = create_agent(chat_model(model.url), [weather])
            return Shape(graph=agent, turns=[ASKED, Command(resume="wet")], modes=MODES)

        played = await golden(build, tmp_path)
    assert played.ran == {"weather Oslo": 2, "weather Rome": 1}
    assert "Oslo: wet" in texts(played.last)


async def test_a_node_of_tools_in_a_graph_of_ones_own(tmp_path: Path) -> None:
    rules = [
        when(tool_results=0).calls("move", to="Rome").calls("fail"),
        when(tool_results=2).says("ok"),
    ]

    class State(MessagesState):
        home: str

    async with ScriptedModel(rules) as model:

        def build(log: Log) -> Shape:
            @tool
            def move(
                to: str,
                home: Annotated[str, InjectedState("home")],
                tool_call_id: Annotated[str, InjectedToolCallId],
            ) -> Command[Any]:
                """Move."""
                log.note(f"move from {home}")
                told = ToolMessage(f"from {home} to {to}", tool_call_id=tool_call_id)
                return Command(update={"home": to, "messages": [told]})

            @tool
            async def fail() -> str:
                """Fail."""
                log.note("fail")
                raise ValueError("no")

            tools = [move, fail]
            client = chat_model(model.url).bind_tools(tools)

            async def ask(state: State) -> dict[str, Any]:
                log.note("ask")
                return {"messages": [await client.ainvoke(state["messages"])]}

            graph = StateGraph(State)
            graph.add_node("ask", ask)
            graph.add_node("tools", ToolNode(tools, handle_tool_errors=True))
            graph.add_edge(START, "ask")
            graph.add_conditional_edges("ask", tools_condition)
            graph.add_edge("tools", "ask")
            turns = [{**ASKED, "home": "Oslo"}]
            return Shape(graph=graph.compile(), turns=turns, modes=MODES)

        played = await golden(build, tmp_path)
    assert played.ran == {"ask": 2, "fail": 1, "move from Oslo": 1}
    assert played.last["home"] == "Rome"


async def test_an_agent_as_a_tool_of_an_agent(tmp_path: Path) -> None:
    rules = [
        when(system="boss", tool_results=0).calls("delegate", work="sums"),
        when(system="boss", tool_results=1).says("boss says {result}"),
        when(system="helper").says("did {user}"),
    ]
    async with ScriptedModel(rules) as model:

        def build(log: Log) -> Shape:
            helper = create_agent(chat_model(model.url), [], system_prompt="helper")

            @tool
            async def delegate(work: str) -> str:
                """Let the helper do it."""
                log.note(f"delegate {work}")
                question: Any = {"messages": [("user", work)]}
                result = await helper.ainvoke(question)
                return str(result["messages"][-1].content)

            agent = create_agent(chat_model(model.url), [delegate], system_prompt="boss")
            return Shape(graph=agent, turns=[ASKED], modes=("values",))

        played = await golden(build, tmp_path)
    assert texts(played.last)[-1] == "boss says did sums"
