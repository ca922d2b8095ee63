"""The ways to play a shape: plainly, in a workflow, by a runner, and in 50 orders with replays."""

from __future__ import annotations

import difflib
import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graph_kit.driving import Answers, Drive, program_of
from graph_kit.playing import play
from graph_kit.shapes import Log
from langgraph.checkpoint.memory import InMemorySaver

import perdure
from perdure.spi.history import ActivityScheduled, Completed
from perdure_langgraph import DurableGraphRunner, durable_graph
from perdure_langgraph.checkpoints.saver import WorkflowSaver
from perdure_langgraph.nodes.call import NODE_ACTIVITY

if TYPE_CHECKING:
    from pathlib import Path

    from graph_kit.shapes import Build, Graph, Shape

WORKFLOW = "shape"
ORDERS = 50
_ORDERS_REBUILT_THROUGHOUT = 5
_REBUILDS_IN_OTHERS = 0.15
_MOST_LINES = 60


@dataclass(frozen=True, kw_only=True)
class Played:
    """What came of a shape.

    Attributes:
        turns: What each turn gave, as JSON.
        ran: How often each node ran, by its own log.
    """

    turns: list[Any]
    ran: dict[str, int]

    @property
    def last(self) -> Any:
        """The values after the last turn."""
        return self.turns[-1]["state"]["values"]


async def golden(build: Build, folder: Path) -> Played:
    """Play a shape in every way, compare each with plain LangGraph, and return how that went."""
    plain = await play_plainly(build)
    activities = await check_in_workflow(build, plain, folder)
    await check_by_runner(build, plain, folder)
    await check_in_orders(build, plain, activities=activities)
    return plain


async def play_plainly(build: Build) -> Played:
    """Play a shape as LangGraph alone does."""
    log = Log()
    shape = build(log)
    return Played(turns=await play(shape, _remembering(shape, InMemorySaver())), ran=log.counted())


async def check_in_workflow(build: Build, plain: Played, folder: Path) -> int:
    """Play a shape in a workflow, on the embedded engine; return how many activities it took."""
    log = Log()
    app = app_of(build(log), backend=f"sqlite:///{folder}/workflow.db")
    async with app.run() as client:
        handle = await client.start(WORKFLOW)
        turns = await handle.result()
        history = await handle.history()
    check_same(plain.turns, turns, what="workflow")
    check_same(plain.ran, log.counted(), what="number of executions in a workflow")
    return sum(
        1 for it in history if isinstance(it, ActivityScheduled) and it.name == NODE_ACTIVITY
    )


async def check_by_runner(build: Build, plain: Played, folder: Path) -> None:
    """Play a shape on a thread of a runner."""
    log = Log()
    shape = build(log)
    app = perdure.App("shapes", backend=f"sqlite:///{folder}/runner.db")
    runner = DurableGraphRunner(shape.graph, app=app, name="shape")
    async with app.run():
        turns = await play(shape, runner)
    check_same(plain.turns, turns, what="run by the runner")
    check_same(plain.ran, log.counted(), what="number of executions by the runner")


async def check_in_orders(build: Build, plain: Played, *, activities: int) -> None:
    """Play a shape in 50 orders of completion (in the one there is, where there is but one).

    In some of them the executor is rebuilt between any two activities, in the others now and then,
    always strictly: each command must come again, with the same payload.
    """
    program = program_of(app_of(build(Log())))
    # Shared by all: what was asked in one order is not asked again.
    answers: Answers = {}
    for seed in range(ORDERS):
        drive = Drive(
            program=program,
            workflow=WORKFLOW,
            draw=random.Random(seed),
            rebuilds=1.0 if seed < _ORDERS_REBUILT_THROUGHOUT else _REBUILDS_IN_OTHERS,
            answers=answers,
        )
        ended = await drive.to_its_end()
        assert isinstance(ended, Completed), ended
        check_same(plain.turns, json.loads(ended.result), what=f"order {seed}")
        assert drive.executed[NODE_ACTIVITY] == activities, f"order {seed}"
        if drive.choices == 0 and seed > 0:
            break


def app_of(shape: Shape, *, backend: str | None = None) -> perdure.App:
    """Return an app with the shape as its workflow."""
    app = perdure.App("shapes", backend=backend)
    graph = durable_graph(shape.graph, app=app, name="shape")

    @app.workflow(name=WORKFLOW)
    async def play_shape() -> list[Any]:
        return await play(shape, _remembering(shape, WorkflowSaver(), graph))

    return app


def check_same(plain: Any, durable: Any, *, what: str) -> None:
    """Fail, and show the lines that differ, unless both are the same JSON."""
    if isinstance(plain, list):
        assert [it["raised"] for it in durable] == [it["raised"] for it in plain], what
    was, is_now = (json.dumps(it, sort_keys=True, indent=1).splitlines() for it in (plain, durable))
    lines = list(difflib.unified_diff(was, is_now, "plain", "durable", lineterm=""))
    assert not lines, "\n".join([f"the {what} differs", *lines[:_MOST_LINES]])


def _remembering(shape: Shape, saver: Any, graph: Graph | None = None) -> Graph:
    chosen = shape.graph if graph is None else graph
    return chosen.copy({"checkpointer": saver}) if shape.has_memory else chosen
