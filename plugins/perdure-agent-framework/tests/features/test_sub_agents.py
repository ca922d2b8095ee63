"""Agents that are tools of agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent_framework import Agent, Message

from agent_kit.normal_form import spoken
from agent_kit.scenarios import Scenario, Setup
from perdure.testing.scripted_model import when

if TYPE_CHECKING:
    from agent_kit.ways import Compare


def looking_up(setup: Setup) -> Any:
    async def look_up(question: str) -> str:
        """Look up."""
        setup.recording.tool_called("look_up", question=question)
        return f"{question}: 42"

    return look_up


async def test_agents_nested_two_deep_and_called_at_once(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        reader = Agent(setup.client(), "reader", name="reader", tools=[looking_up(setup)])
        chief = Agent(setup.client(), "chief", name="chief", tools=[reader.as_tool()])
        boss = Agent(
            setup.client(), "boss", name="boss", tools=[chief.as_tool(), looking_up(setup)]
        )
        return Scenario(agents=(boss,), run=lambda: boss.run("go"))

    at_once = when(system="boss", tool_results=0).calls("chief", task="dig")
    played = await compare(
        build,
        at_once.calls("look_up", question="b").calls("chief", task="dig deeper"),
        when(system="boss").says("boss: {result}"),
        when(system="chief", tool_results=0).calls("reader", task="c"),
        when(system="chief").says("chief: {result}"),
        when(system="reader", tool_results=0).calls("look_up", question="r"),
        when(system="reader").says("reader: {result}"),
    )
    assert played.outcome["text"] == "boss: chief: reader: r: 42"
    assert played.recording.tools() == ["look_up"] * 3
    assert len(played.model_calls) == 2 + 2 * 2 + 2 * 2


async def test_a_session_handed_down(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        inner = Agent(setup.client(), "inner", name="inner", tools=[looking_up(setup)])
        outer = Agent(
            setup.client(), "outer", name="outer", tools=[inner.as_tool(propagate_session=True)]
        )

        async def run() -> Any:
            session = outer.create_session(session_id="s")
            first = await outer.run("one", session=session)
            second = await outer.run("two", session=session)
            kept = [
                Message.from_dict(m) for m in session.to_dict()["state"]["in_memory"]["messages"]
            ]
            return [first, second, spoken(kept)]

        return Scenario(agents=(outer,), run=run)

    played = await compare(
        build,
        when(system="outer", tool_results=0).calls("inner", task="ask"),
        when(system="outer").says("outer: {result}"),
        when(system="inner", tool_results=0).calls("look_up", question="q"),
        when(system="inner").says("inner: {result}"),
    )
    assert played.outcome[1]["text"] == "outer: inner: q: 42"


async def test_two_agents_with_one_client(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        client = setup.client()
        first = Agent(client, "first", name="first", tools=[looking_up(setup)])
        second = Agent(client, "second", name="second", tools=[looking_up(setup)])

        async def run() -> Any:
            return [await first.run("one"), await second.run("two")]

        return Scenario(agents=(first, second), run=run)

    played = await compare(
        build,
        when(tool_results=0).calls("look_up", question="q"),
        when(system="first").says("first: {result}"),
        when(system="second").says("second: {result}"),
    )
    assert [each["text"] for each in played.outcome] == ["first: q: 42", "second: q: 42"]
