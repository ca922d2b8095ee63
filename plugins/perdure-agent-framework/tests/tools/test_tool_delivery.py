"""Tool calls whose worker dies in the middle of them, or that are given up."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from agent_framework import Agent

import perdure
from agent_kit.scenarios import Scenario, Setup
from agent_kit.ways import WORKFLOW
from perdure import RetryPolicy, WorkflowFailedError
from perdure.approvals import ApprovalState
from perdure.testing.record import Record
from perdure.testing.scripted_model import ScriptedModel, when
from perdure_agent_framework.policies import Policies, ToolPolicy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perdure.approvals import Approval
    from tools.conftest import Running

RULES = [
    when(tool_results=0).calls("look", order="7"),
    when(tool_results=1).calls("pay", order="7"),
    when().says("told: {result}"),
]


class Shop:
    """A hub on disk, with workers in processes of their own, that are killed while they pay."""

    def __init__(self, folder: Path, client: perdure.Client, environment: dict[str, str]) -> None:
        self.client = client
        self.record = Record(folder / "record.jsonl")
        self._environment = environment

    @contextlib.contextmanager
    def worker(self) -> Any:
        process = subprocess.Popen(
            [sys.executable, "-m", "perdure.testing.worker_process", "tools.paying:app"],
            env=self._environment,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    async def killed_while_paying(self) -> perdure.WorkflowHandle[Any]:
        """Start the agent, and let its worker die in the middle of the payment."""
        handle = await self.client.start("ask", arguments={"question": "pay for 7"})
        with self.worker() as process:
            code = await asyncio.to_thread(process.wait, timeout=30)
        assert code == -9
        return handle


@contextlib.asynccontextmanager
async def shop(folder: Path, *, delivery: str, told: str = "tell_model") -> AsyncIterator[Shop]:
    backend = f"sqlite:///{folder / 'perdure.db'}"
    async with ScriptedModel(RULES) as model:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PERDURE_BACKEND": backend,
            "PAYING_RECORD": str(folder / "record.jsonl"),
            "PAYING_MODEL": model.url,
            "PAYING_DELIVERY": delivery,
            "PAYING_TOLD": told,
        }
        async with perdure.App("paying", backend=backend).client() as client:
            yield Shop(folder, client, environment)


@pytest.mark.parametrize("delivery", ["safe", "idempotent"])
async def test_a_call_that_may_repeat_is_made_again_under_the_same_key(
    tmp_path: Path, delivery: str
) -> None:
    async with shop(tmp_path, delivery=delivery) as it:
        handle = await it.killed_while_paying()
        with it.worker():
            assert await handle.result(timeout=timedelta(seconds=30)) == "told: paid for 7"
        assert it.record.labels() == ["look 7", "pay 7", "pay 7"]
        assert len({entry.key for entry in it.record.entries()[1:]}) == 1


async def test_a_call_that_may_not_repeat_is_not_and_the_model_is_told(tmp_path: Path) -> None:
    async with shop(tmp_path, delivery="at_most_once") as it:
        handle = await it.killed_while_paying()
        with it.worker():
            told = await handle.result(timeout=timedelta(seconds=30))
        assert it.record.labels() == ["look 7", "pay 7"]
    assert "Whether this call of pay took place is unknown" in told
    assert "Do not simply make it again" in told


async def test_a_call_that_may_not_repeat_fails_the_run_where_that_is_declared(
    tmp_path: Path,
) -> None:
    async with shop(tmp_path, delivery="at_most_once", told="fail") as it:
        handle = await it.killed_while_paying()
        with it.worker(), pytest.raises(WorkflowFailedError, match="find out by hand") as failed:
            await handle.result(timeout=timedelta(seconds=30))
        assert it.record.labels() == ["look 7", "pay 7"]
    assert failed.value.failure.matches("perdure_agent_framework.errors.ToolOutcomeUnknownError")


@pytest.mark.parametrize(
    ("is_done", "note", "told"),
    [
        (True, "receipt 93", "told: receipt 93"),
        (True, "", "told: The call of pay took place. Its result was not kept."),
        (False, "", "told: Error: The call of pay did not take place. It may be made again."),
    ],
)
async def test_a_human_says_whether_a_call_that_may_not_repeat_took_place(
    tmp_path: Path, is_done: bool, note: str, told: str
) -> None:
    async with shop(tmp_path, delivery="at_most_once", told="ask_human") as it:
        handle = await it.killed_while_paying()
        with it.worker():
            asked = await first_approval(it.client)
            assert (asked.tool, asked.arguments) == ("pay", {"order": "7"})
            answer = it.client.approvals.approve if is_done else it.client.approvals.deny
            await answer(asked.id, by="ann", note=note)
            assert await handle.result(timeout=timedelta(seconds=30)) == told
        assert it.record.labels() == ["look 7", "pay 7"]


async def first_approval(client: perdure.Client) -> Approval:
    async with asyncio.timeout(30):
        while True:
            async for each in client.approvals.list(state=ApprovalState.WAITING):
                return each
            await asyncio.sleep(0.05)


async def test_a_call_that_may_not_repeat_and_is_given_up_is_not_tried_again(
    running: Running,
) -> None:
    calls: list[str] = []

    async def pay(order: str) -> str:
        """Pay."""
        calls.append(order)
        await asyncio.Event().wait()
        return "never"

    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a", tools=[pay])
        policy = ToolPolicy(
            delivery="at_most_once",
            timeout=timedelta(milliseconds=50),
            retry=RetryPolicy(max_attempts=5, initial_interval=timedelta()),
        )
        return Scenario(
            agents=(agent,), run=lambda: agent.run("go"), policies=Policies(tool=policy)
        )

    rules = [when(tool_results=0).calls("pay", order="7"), when().says("told: {result}")]
    async with running(build, *rules) as env:
        outcome = await (await env.client.start(WORKFLOW)).result()
    assert "took place is unknown: it did not end within 0:00:00.050000" in outcome["text"]
    assert calls == ["7"]
