"""The ways to play a shape: plainly, in a workflow, by a runner, and in 50 orders with replays."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graph_kit.playing import play
from graph_kit.shapes import Log
from langgraph.checkpoint.memory import InMemorySaver

import perdure
from perdure.spi.history import ActivityScheduled
from perdure_langgraph import DurableGraphRunner, durable_graph
from perdure_langgraph.checkpoints.saver import WorkflowSaver
from perdure_langgraph.nodes.call import NODE_ACTIVITY
from tests.comparing import check_same
from tests.driving import in_orders

if TYPE_CHECKING:
    from pathlib import Path

    from graph_kit.shapes import Build, Graph, Shape

WORKFLOW = "shape"


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
    await check_in_orders(build, plain, folder, activities=activities)
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
    check_turns(plain.turns, turns, what="workflow")
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
    check_turns(plain.turns, turns, what="run by the runner")
    check_same(plain.ran, log.counted(), what="number of executions by the runner")


async def check_in_orders(build: Build, plain: Played, folder: Path, *, activities: int) -> None:
    """Play a shape in 50 orders of completion (in the one there is, where there is but one).

    Each must give what plain LangGraph gave, with as many activities.
    """
    played = in_orders(app_of(build(Log())), WORKFLOW, store=folder / "payloads")
    async for order, driver, result in played:
        check_turns(plain.turns, json.loads(result), what=order)
        assert driver.executed[NODE_ACTIVITY] == activities, order


def app_of(shape: Shape, *, backend: str | None = None) -> perdure.App:
    """Return an app with the shape as its workflow."""
    app = perdure.App("shapes", backend=backend)
    graph = durable_graph(shape.graph, app=app, name="shape")

    @app.workflow(name=WORKFLOW)
    async def play_shape() -> list[Any]:
        return await play(shape, _remembering(shape, WorkflowSaver(), graph))

    return app


def check_turns(plain: list[Any], durable: list[Any], *, what: str) -> None:
    """Fail, and show the lines that differ, unless both went the same way."""
    assert [it["raised"] for it in durable] == [it["raised"] for it in plain], what
    check_same(plain, durable, what=what)


def _remembering(shape: Shape, saver: Any, graph: Graph | None = None) -> Graph:
    chosen = shape.graph if graph is None else graph
    return chosen.copy({"checkpointer": saver}) if shape.has_memory else chosen
