"""The ways to play a scenario: plainly, on the real engine, and in 50 orders with replays."""

from __future__ import annotations

import difflib
import json
import random
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import perdure
from agent_kit.driving import driver_of
from agent_kit.normal_form import outcome_of
from agent_kit.recording import in_any_order
from agent_kit.scenarios import Setup
from perdure.spi.history import Completed
from perdure.testing import run_in_memory
from perdure_agent_framework.registration import register
from tests.soak import IS_SOAK

if TYPE_CHECKING:
    from agent_kit.recording import Recording
    from agent_kit.scenarios import Build, Scenario

ORDERS = 50
_MOST_LINES = 60
_ORDERS_REBUILT_THROUGHOUT = ORDERS if IS_SOAK else 5
_REBUILDS_IN_OTHERS = 0.15
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

    Each must give what the plain run gave, with as many calls. In some of them the executor is
    rebuilt between any two activities, in the others now and then. Every other one has a payload
    store, to which all goes that is not small.
    """
    setup = Setup(url=url)
    scenario = build(setup)
    app = app_of(scenario)
    tools = len(plain.recording.tool_calls) - scenario.calls_in_workflow
    with tempfile.TemporaryDirectory(prefix="agent-kit-") as folder:
        drivers = [driver_of(app, _draw(0), store=store) for store in (None, Path(folder))]
        for seed in range(orders):
            rebuilds = 1.0 if seed < _ORDERS_REBUILT_THROUGHOUT else _REBUILDS_IN_OTHERS
            driver = replace(
                drivers[seed % 2],
                draw=_draw(seed),
                rebuilds=rebuilds,
                executed=Counter(),
                choices=0,
            )
            ended = await driver.run(WORKFLOW)
            assert isinstance(ended, Completed), ended
            outcome = json.loads(await driver.text_of(ended.result))
            check_same(plain.outcome, outcome, what=f"outcome in order {seed}")
            assert driver.executed["agent.model"] == len(plain.model_calls), f"order {seed}"
            assert driver.executed["agent.tool"] == tools, f"order {seed}"
            if driver.choices == 0 and seed > 0:
                break
    # All orders together have asked nothing that the plain run did not ask.
    assert set(setup.recording.model_calls) == set(plain.recording.model_calls)


def _draw(seed: int) -> random.Random:
    return random.Random(seed)


def check_same(plain: Any, durable: Any, *, what: str) -> None:
    """Fail, and show the lines that differ, unless both are the same JSON."""
    was, is_now = (json.dumps(it, sort_keys=True, indent=1).splitlines() for it in (plain, durable))
    lines = list(difflib.unified_diff(was, is_now, "plain", "durable", lineterm=""))
    assert not lines, "\n".join([f"the {what} differs", *lines[:_MOST_LINES]])


def app_of(scenario: Scenario) -> perdure.App:
    """Return an app with the scenario as its workflow."""
    app = perdure.App("scenarios")
    register(app, *scenario.agents, policies=scenario.policies)

    @app.workflow(name=WORKFLOW)
    async def play() -> Any:
        return await outcome_of(scenario.run)

    return app
