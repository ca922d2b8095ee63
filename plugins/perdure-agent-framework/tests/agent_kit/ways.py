"""The ways to play a scenario: plainly, on the real engine, and in 50 orders with replays."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import perdure
from agent_kit.normal_form import outcome_of
from agent_kit.recording import in_any_order
from agent_kit.scenarios import Setup
from perdure.testing import run_in_memory
from perdure_agent_framework.registration import register
from tests.comparing import check_same
from tests.driving import ORDERS, in_orders

if TYPE_CHECKING:
    from agent_kit.recording import Recording
    from agent_kit.scenarios import Build, Scenario
    from perdure.testing.scripted_model import Rule

WORKFLOW = "scenario"


@dataclass(frozen=True, kw_only=True)
class Played:
    """What came of a scenario.

    Attributes:
        outcome: The result of ``run`` or what it raised, as JSON.
        recording: What models and tools were asked.
    """

    outcome: Any
    recording: Recording

    @property
    def model_calls(self) -> list[Any]:
        """The requests, in an order of their own."""
        return in_any_order(self.recording.model_calls)

    @property
    def tool_calls(self) -> list[Any]:
        """The tool calls, in an order of their own."""
        return in_any_order(self.recording.tool_calls)


class Compare(Protocol):
    """Plays a scenario plainly and durably and compares; returns how the plain one went."""

    async def __call__(self, build: Build, *rules: Rule) -> Played:
        """Play it on a scripted model with these rules."""


async def plain_and_durable(build: Build, url: str, *, orders: int = ORDERS) -> Played:
    """Play a scenario in every way, compare, and return how the plain one went."""
    plain = await play_plainly(build, url)
    durable = await play_on_engine(build, url)
    check_same(plain.outcome, durable.outcome, what="outcome")
    check_same(plain.tool_calls, durable.tool_calls, what="tool calls")
    check_same(plain.model_calls, durable.model_calls, what="model calls")
    await play_in_orders(build, url, plain, orders=orders)
    return plain


async def play_plainly(build: Build, url: str) -> Played:
    """Play a scenario as the framework alone does."""
    setup = Setup(url=url)
    scenario = build(setup)
    return Played(outcome=await outcome_of(scenario.run), recording=setup.recording)


async def play_on_engine(build: Build, url: str) -> Played:
    """Play a scenario as a workflow, on the embedded engine."""
    setup = Setup(url=url)
    app = app_of(build(setup))
    async with run_in_memory(app) as env:
        handle = await env.client.start(WORKFLOW)
        outcome = await handle.result()
    return Played(outcome=outcome, recording=setup.recording)


async def play_in_orders(build: Build, url: str, plain: Played, *, orders: int = ORDERS) -> None:
    """Play a scenario in many orders of completion (in the one there is, where there is but one).

    Each must give what the plain run gave, with as many calls.
    """
    setup = Setup(url=url)
    scenario = build(setup)
    tools = len(plain.recording.tool_calls) - scenario.calls_in_workflow
    with tempfile.TemporaryDirectory(prefix="agent-kit-") as folder:
        played = in_orders(app_of(scenario), WORKFLOW, store=Path(folder), orders=orders)
        async for order, driver, result in played:
            check_same(plain.outcome, json.loads(result), what=f"outcome in {order}")
            assert driver.executed["agent.model"] == len(plain.model_calls), order
            assert driver.executed["agent.tool"] == tools, order
    # All orders together have asked nothing that the plain run did not ask.
    assert set(setup.recording.model_calls) == set(plain.recording.model_calls)


def app_of(scenario: Scenario) -> perdure.App:
    """Return an app with the scenario as its workflow."""
    app = perdure.App("scenarios")
    register(app, *scenario.agents, policies=scenario.policies)

    @app.workflow(name=WORKFLOW)
    async def play() -> Any:
        return await outcome_of(scenario.run)

    return app
