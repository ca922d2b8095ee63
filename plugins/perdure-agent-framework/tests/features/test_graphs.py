"""Graph workflows of the framework, run inside a workflow."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Never

from agent_framework import (
    Agent,
    AgentExecutor,
    AgentExecutorRequest,
    AgentExecutorResponse,
    Case,
    Default,
    Executor,
    Message,
    WorkflowBuilder,
    WorkflowContext,
    WorkflowExecutor,
    handler,
    response_handler,
)

import perdure
from agent_kit.normal_form import spoken
from agent_kit.scenarios import Scenario, Setup
from perdure.spi.history import Completed
from perdure.testing.scripted_model import ScriptedModel, when
from perdure_agent_framework.registration import register
from tests.driving import driver_of

if TYPE_CHECKING:
    from agent_kit.ways import Compare


class Ask(Executor):
    """Sends its input to all that follow, as a question to an agent."""

    @handler
    async def ask(self, text: str, context: WorkflowContext[AgentExecutorRequest]) -> None:
        question = Message("user", [text])
        await context.send_message(AgentExecutorRequest(messages=[question], should_respond=True))


class Collect(Executor):
    """Gives what all agents said."""

    @handler
    async def collect(
        self, answers: list[AgentExecutorResponse], context: WorkflowContext[Never, list[str]]
    ) -> None:
        await context.yield_output(sorted(each.agent_response.text for each in answers))


class Tell(Executor):
    """Gives what one agent said."""

    @handler
    async def tell(
        self, answer: AgentExecutorResponse, context: WorkflowContext[Never, str]
    ) -> None:
        await context.yield_output(f"{self.id}: {answer.agent_response.text}")


class Counted(Executor):
    """Counts in the state of the graph, then passes on."""

    @handler
    async def count(self, text: str, context: WorkflowContext[str]) -> None:
        context.set_state("seen", context.get_state("seen", 0) + 1)
        await context.send_message(f"{text}{context.get_state('seen')}")


class End(Executor):
    """Gives its input."""

    @handler
    async def end(self, text: str, context: WorkflowContext[Never, str]) -> None:
        await context.yield_output(f"{self.id}: {text}")


class Question(Executor):
    """Asks whoever runs the graph, and gives the answer."""

    @handler
    async def ask(self, text: str, context: WorkflowContext) -> None:
        await context.request_info(f"{text}?", str)

    @response_handler
    async def answered(
        self, question: str, answer: str, context: WorkflowContext[Never, str]
    ) -> None:
        await context.yield_output(f"{question} {answer}")


def looking_up(setup: Setup) -> Any:
    async def look_up(question: str) -> str:
        """Look up."""
        setup.recording.tool_called("look_up", question=question)
        return f"{question}: 42"

    return look_up


def agents_of(setup: Setup, *names: str) -> list[Agent[Any]]:
    tools = [looking_up(setup)]
    return [Agent(setup.client(), name, name=name, tools=tools) for name in names]


LOOK_UP = when(tools=["look_up"], tool_results=0).calls("look_up", question="q")
ANSWERS = [when(system=name).says(f"{name} says {{result}}") for name in ("first", "second")]


async def test_fan_out_and_fan_in(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agents = agents_of(setup, "first", "second")

        async def run() -> Any:
            start, end = Ask("start"), Collect("end")
            graph = (
                WorkflowBuilder(start_executor=start, output_from=[end])
                .add_fan_out_edges(start, agents)
                .add_fan_in_edges(agents, end)
                .build()
            )
            return (await graph.run("go")).get_outputs()

        return Scenario(agents=tuple(agents), run=run)

    played = await compare(build, LOOK_UP, *ANSWERS)
    assert played.outcome == [["first says q: 42", "second says q: 42"]]


async def test_switch_and_case(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        judge, other = agents_of(setup, "first", "second")

        async def one(text: str) -> Any:
            start = Ask("start")
            good, bad = Tell("good"), Tell("bad")
            graph = (
                WorkflowBuilder(start_executor=start, output_from=[good, bad])
                .add_edge(start, judge)
                .add_switch_case_edge_group(
                    judge,
                    [
                        Case(lambda answer: "42" in answer.agent_response.text, good),
                        Default(bad),
                    ],
                )
                .build()
            )
            return (await graph.run(text)).get_outputs()

        async def run() -> Any:
            return [await one("go"), await one("stop")]

        return Scenario(agents=(judge, other), run=run)

    played = await compare(build, when(user="stop").says("no"), LOOK_UP, *ANSWERS)
    assert played.outcome == [["good: first says q: 42"], ["bad: no"]]


async def test_several_targets_selected(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agents = agents_of(setup, "first", "second", "third")

        async def run() -> Any:
            start = Ask("start")
            ends: list[Any] = [Tell(f"end-{agent.name}") for agent in agents]
            builder = WorkflowBuilder(start_executor=start, output_from=ends)
            builder.add_multi_selection_edge_group(
                start, agents, selection_func=lambda _, ids: ids[:2]
            )
            for agent, end in zip(agents, ends, strict=True):
                builder.add_edge(agent, end)
            return sorted((await builder.build().run("go")).get_outputs())

        return Scenario(agents=tuple(agents), run=run)

    played = await compare(build, LOOK_UP, *ANSWERS)
    assert len(played.outcome) == 2


async def test_state_of_a_graph_and_loops_in_it(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        (agent,) = agents_of(setup, "first")

        async def run() -> Any:
            first, second, end = Counted("one"), Counted("two"), End("end")
            graph = (
                WorkflowBuilder(start_executor=first)
                .add_edge(first, second)
                .add_edge(second, first, condition=lambda text: len(text) < 6)
                .add_edge(second, end, condition=lambda text: len(text) >= 6)
                .build()
            )
            outputs = (await graph.run("go")).get_outputs()
            return [outputs, await agent.run(outputs[-1])]

        return Scenario(agents=(agent,), run=run)

    played = await compare(build, LOOK_UP, *ANSWERS)
    assert played.outcome[0] == ["end: go1234"]


async def test_a_question_to_whoever_runs_the_graph(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        (agent,) = agents_of(setup, "first")

        async def run() -> Any:
            graph = WorkflowBuilder(start_executor=Question("question")).build()
            asked = (await graph.run("which order")).get_request_info_events()
            text = (await agent.run(asked[0].data)).text
            answered = await graph.run(responses={asked[0].request_id: text})
            return [len(asked), answered.get_outputs()]

        return Scenario(agents=(agent,), run=run)

    played = await compare(build, LOOK_UP, *ANSWERS)
    assert played.outcome == [1, ["which order? first says q: 42"]]


async def test_a_graph_in_a_graph(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        first, second = agents_of(setup, "first", "second")

        async def run() -> Any:
            ask, tell = Ask("ask"), Tell("tell")
            inner = WorkflowBuilder(start_executor=ask, output_from=[tell])
            inner.add_chain([ask, first, tell])
            nested = WorkflowExecutor(inner.build(), id="inner")
            again, end = Ask("again"), Tell("end")
            outer = WorkflowBuilder(start_executor=nested, output_from=[end])
            outer.add_chain([nested, again, second, end])
            return (await outer.build().run("go")).get_outputs()

        return Scenario(agents=(first, second), run=run)

    played = await compare(build, LOOK_UP, *ANSWERS)
    assert played.outcome == ["end: second says q: 42"]


async def test_a_graph_as_an_agent(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        first, second = agents_of(setup, "first", "second")

        async def run() -> Any:
            graph = WorkflowBuilder(start_executor=first).add_chain([first, second]).build()
            agent = graph.as_agent("team")
            response = await agent.run("go")
            return [spoken(response.messages), response.usage_details]

        return Scenario(agents=(first, second), run=run)

    played = await compare(build, LOOK_UP, *ANSWERS)
    assert len(played.model_calls) == 3


async def test_events_of_a_graph_as_it_runs(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        (first,) = agents_of(setup, "first")

        async def run() -> Any:
            ask, tell = Ask("ask"), Tell("tell")
            graph = (
                WorkflowBuilder(start_executor=ask)
                .add_chain([ask, AgentExecutor(first, id="agent"), tell])
                .build()
            )
            # An agent's answer is one piece here, and many where the model is streamed from.
            seen = [event.type async for event in graph.run("go", stream=True)]
            return [
                kind for kind, before in zip(seen, [None, *seen], strict=False) if kind != before
            ]

        return Scenario(agents=(first,), run=run)

    played = await compare(build, LOOK_UP, *ANSWERS)
    assert played.outcome.count("superstep_completed") == 3


async def test_ids_that_the_framework_draws_are_drawn_again_on_a_replay() -> None:
    async with ScriptedModel([when().says("yes")]) as model:
        setup = Setup(url=model.url)
        (agent,) = agents_of(setup, "first")
        app = perdure.App("x")
        register(app, agent)

        @app.workflow
        async def ask() -> list[str]:
            graph = WorkflowBuilder(start_executor=Question("question")).build()
            asked = (await graph.run("which order")).get_request_info_events()
            drawn = [asked[0].request_id, agent.create_session().session_id, graph.id]
            answers = [await agent.run(each) for each in drawn]
            team = await WorkflowBuilder(start_executor=agent).build().as_agent("x").run("go")
            return [*(answer.text for answer in answers), str(team.response_id)]

        # It rebuilds strictly between any two activities: another id would be another payload.
        ended = await driver_of(app, random.Random(0)).run("ask")
    assert isinstance(ended, Completed)
    assert len(setup.recording.model_calls) == 4
