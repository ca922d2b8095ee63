"""How tools run on a worker: in threads, so many at once, within their time."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from agent_framework import Agent, FunctionInvocationContext, FunctionTool, tool

from agent_kit.scenarios import Scenario, Setup
from agent_kit.ways import WORKFLOW
from perdure.testing.scripted_model import when
from perdure_agent_framework.policies import Policies, ToolPolicy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from agent_kit.ways import Compare
    from tools.conftest import Running

TELL = when().says("told: {result}")


def scenario_of(setup: Setup, *tools: Any, **policies: Any) -> Scenario:
    client = setup.client(function_invocation_configuration={"include_detailed_errors": True})
    agent = Agent(client, name="a", tools=list(tools))
    return Scenario(agents=(agent,), run=lambda: agent.run("go"), policies=Policies(**policies))


async def test_a_def_tool_that_blocks_does_not_keep_others_waiting(running: Running) -> None:
    is_released = threading.Event()

    def block() -> str:
        """Block."""
        assert is_released.wait(20)
        return "released"

    async def release() -> str:
        """Release."""
        is_released.set()
        return "done"

    def build(setup: Setup) -> Scenario:
        return scenario_of(setup, block, release)

    rules = [when(tool_results=0).calls("block").calls("release"), TELL]
    async with running(build, *rules) as env:
        outcome = await (await env.client.start(WORKFLOW)).result()
    assert outcome["text"] == "told: done"


@pytest.mark.parametrize("kind", ["def", "async def"])
async def test_a_tool_that_hangs_is_given_up_and_the_model_is_told(
    running: Running, kind: str
) -> None:
    forever = threading.Event()

    def hang() -> str:
        """Hang."""
        forever.wait()
        return "never"

    async def hang_on_the_loop() -> str:
        """Hang."""
        await asyncio.Event().wait()
        return "never"

    def build(setup: Setup) -> Scenario:
        function = hang if kind == "def" else hang_on_the_loop
        hanging = tool(function, name="hang")
        policy = ToolPolicy(timeout=timedelta(milliseconds=50))
        return scenario_of(setup, hanging, tool=policy)

    async with running(build, when(tool_results=0).calls("hang"), TELL) as env:
        outcome = await (await env.client.start(WORKFLOW)).result()
    forever.set()
    assert "the call was given up: it did not end within 0:00:00.050000" in outcome["text"]


async def test_two_hundred_calls_at_once_are_made_a_few_at_a_time(running: Running) -> None:
    at_once = 0
    most = 0
    done: list[int] = []

    async def work(number: int) -> int:
        """Work."""
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0)
        at_once -= 1
        done.append(number)
        return number

    def build(setup: Setup) -> Scenario:
        return scenario_of(setup, work, max_parallel_tools=7)

    calls = when(tool_results=0).calls("work", number=0)
    for number in range(1, 200):
        calls = calls.calls("work", number=number)
    async with running(build, calls, when(tool_results=200).says("all")) as env:
        outcome = await (await env.client.start(WORKFLOW)).result()
    assert outcome["text"] == "all"
    assert sorted(done) == list(range(200))
    assert 1 < most <= 7


async def test_a_tool_that_the_worker_does_not_have_is_one_that_is_unknown(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    from perdure_agent_framework import catalogue

    def gone() -> str:
        """Go."""
        return "here"

    def build(setup: Setup) -> Scenario:
        return scenario_of(setup, gone)

    rules = [when(tool_results=0).calls("gone"), TELL]
    async with running(build, *rules) as env:
        for known in list(catalogue._catalogues.values()):
            known.tools.pop("a/gone", None)
        outcome = await (await env.client.start(WORKFLOW)).result()
    assert outcome["text"] == 'told: Error: Requested function "gone" not found.'
    assert "this app has no tool 'a/gone'" in caplog.text


async def test_limits_of_a_tool_are_counted_as_in_a_plain_run(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        @tool(max_invocations=2)
        def twice() -> str:
            """Twice."""
            setup.recording.tool_called("twice")
            return "again"

        @tool(max_invocation_exceptions=2)
        def failing() -> str:
            """Fail."""
            setup.recording.tool_called("failing")
            raise ValueError("failed")

        configuration: Any = {"max_consecutive_errors_per_request": 20}
        client = setup.client(function_invocation_configuration=configuration)
        agent = Agent(client, name="a", tools=[twice, failing])

        async def run() -> Any:
            return [await agent.run("go"), await agent.run("go on")]

        return Scenario(agents=(agent,), run=run)

    rules = [when(tool_results=number).calls("twice") for number in range(2)]
    rules += [when(tool_results=number).calls("failing") for number in range(2, 5)]
    played = await compare(build, *rules, TELL)
    assert played.recording.tools() == ["failing", "failing", "twice", "twice"]


async def test_calls_outside_of_workflows_do_not_count_in_them(running: Running) -> None:
    @tool(max_invocations=1)
    def once() -> str:
        """Once."""
        return "done"

    await once.invoke()

    def build(setup: Setup) -> Scenario:
        return scenario_of(setup, once)

    async with running(build, when(tool_results=0).calls("once"), TELL) as env:
        outcome = await (await env.client.start(WORKFLOW)).result()
    assert outcome["text"] == "told: done"


async def test_tools_that_only_the_run_has_may_do_no_io(running: Running, tmp_path: Path) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a")

        async def run() -> Any:
            def write(text: str) -> str:
                """Write."""
                return subprocess.check_output(["echo", text], text=True)

            return await agent.run("go", tools=[write])

        return Scenario(agents=(agent,), run=run)

    from perdure import WorkflowFailedError

    rules = [when(tool_results=0).calls("write", text="x"), TELL]
    async with running(build, *rules) as env:
        handle = await env.client.start(WORKFLOW)
        with pytest.raises(WorkflowFailedError, match="inside a workflow"):
            await handle.result()


async def test_tools_that_middleware_adds_in_the_run_are_durable(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        async def give_more(
            context: FunctionInvocationContext, call_next: Callable[[], Awaitable[None]]
        ) -> None:
            await call_next()
            if context.function.name == "ask_for_more":
                assert context.tools is not None
                context.tools.append(tool(outside))

        def ask_for_more() -> str:
            """Ask."""
            setup.recording.tool_called("ask_for_more")
            return "there you are"

        agent = Agent(setup.client(), name="a", tools=[ask_for_more], middleware=[give_more])
        return Scenario(agents=(agent,), run=lambda: agent.run("go"), calls_in_workflow=-1)

    rules = [when(tool_results=0).calls("ask_for_more"), TELL]
    rules.insert(1, when(tool_results=1, tools=["outside"]).calls("outside", path="."))
    played = await compare(build, *rules)
    assert played.outcome["text"] == "told: read ."


async def test_functions_of_modules_that_only_the_run_has_are_activities(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a")
        run = lambda: agent.run("go", tools=[outside])  # noqa: E731 - as the others
        return Scenario(agents=(agent,), run=run, calls_in_workflow=-1)

    played = await compare(build, when(tool_results=0).calls("outside", path="."), TELL)
    assert played.outcome["text"] == "told: read ."


def outside(path: str) -> str:
    """Look outside, which a workflow may not."""
    with open(sys.executable, "rb"):
        return f"read {path}"


async def test_a_tool_of_a_class_with_a_way_of_its_own_keeps_it(compare: Compare) -> None:
    class Twice(FunctionTool):
        async def _invoke_function(self, call_kwargs: Any) -> Any:
            return f"twice {await super()._invoke_function(call_kwargs)}"

    def build(setup: Setup) -> Scenario:
        def say(word: str) -> str:
            setup.recording.tool_called("say", word=word)
            return word

        own = Twice(name="say", description="Say.", func=say)
        agent = Agent(setup.client(), name="a", tools=[own])
        return Scenario(agents=(agent,), run=lambda: agent.run("go"))

    played = await compare(build, when(tool_results=0).calls("say", word="tea"), TELL)
    assert played.outcome["text"] == "told: twice tea"


_WORKER = """
import asyncio, threading
from datetime import timedelta
import perdure
from agent_framework import Agent
from agent_kit.recording import Recording
from agent_kit.real_clients import completions_client
from perdure.testing.scripted_model import ScriptedModel, when
from perdure_agent_framework.registration import register

hangs = threading.Event()

def hang() -> str:
    '''Hang.'''
    hangs.set()
    threading.Event().wait()

async def main():
    async with ScriptedModel([when().calls("hang")]) as model:
        agent = Agent(completions_client(model.url, Recording()), name="a", tools=[hang])
        app = perdure.App("hanging", backend="sqlite:///{path}")
        register(app, agent)
        app.workflow(name="ask")(lambda_to_async(agent))
        async with app.run(drain_timeout=timedelta()) as client:
            await client.start("ask")
            while not hangs.is_set():
                await asyncio.sleep(0.01)

def lambda_to_async(agent):
    async def ask() -> str:
        return (await agent.run("go")).text
    return ask

asyncio.run(main())
print("the program ends")
"""


def test_a_tool_that_hangs_does_not_keep_the_worker_from_ending(tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text(_WORKER.replace("{path}", str(tmp_path / "perdure.db")))
    ended = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=25,
        env={"PYTHONPATH": ":".join(sys.path), "XDG_STATE_HOME": str(tmp_path)},
        check=False,
    )
    assert "the program ends" in ended.stdout, ended.stderr
    assert ended.returncode == 0
