"""Agents: one of 20 tool calls and a graph of 50 nodes, each beside its framework alone; examples.

The examples are those of a clone, as their demos play them, but without what makes those slow:
see :mod:`perdure_bench.agents.example_side`.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from perdure_bench.agents import CLONE
from perdure_bench.cells import PERDURE
from perdure_bench.places.place import PlaceError
from perdure_bench.sides.jobs import Job
from perdure_bench.workloads import Workload, workloads

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from perdure_bench.bench import Bench
    from perdure_bench.sides.process import Side

PLAIN = "plain"
SAVED = "plain, saved in SQLite"
_IDLE = 200
_WARM_UP = 20
_LONGEST_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework(Workload):
    """Something of a framework.

    Attributes:
        module: Of the side.
        package: What must be installed for it.
        job: What it does.
        rounds: How often, in each pass.
        example: Its folder, of what is an example of a clone.
    """

    module: str
    package: str
    job: Job
    rounds: int = 5
    example: str = ""


AGENT = Framework(
    name="agent with 20 tool calls",
    module="perdure_bench.agents.agent_side",
    package="perdure_agent_framework",
    job=Job(shape="agent", size=20),
    ways=(PERDURE,),
    own_ways=(PLAIN,),
    in_smoke=True,
)
GRAPH = Framework(
    name="graph of 50 nodes",
    module="perdure_bench.agents.graph_side",
    package="perdure_langgraph",
    job=Job(shape="graph", size=50),
    ways=(PERDURE,),
    own_ways=(PLAIN, SAVED),
    in_smoke=True,
)
IDLE = Framework(
    name=f"{_IDLE} conversations that wait",
    module=AGENT.module,
    package=AGENT.package,
    job=AGENT.job,
    ways=(PERDURE,),
    passes=1,
)


def _example(folder: str, package: str) -> Framework:
    return Framework(
        name=f"example: {folder.replace('_', ' ')}",
        example=folder,
        module="perdure_bench.agents.example_side",
        package=package,
        job=Job(shape="example"),
        ways=(PERDURE,),
    )


EXAMPLES = (
    _example("support_agent", "perdure_agent_framework"),
    _example("research_team", "perdure_agent_framework"),
    _example("claim_processing", "perdure_langgraph"),
)


@workloads((AGENT, GRAPH, *EXAMPLES))
def bench_frameworks(bench: Bench, workload: Framework) -> None:
    _require(workload.package)
    if workload.example and not (CLONE / "examples" / workload.example).is_dir():
        raise PlaceError("the examples are in a clone of perdure, and this is none")
    rounds = 2 if bench.session.asked.is_smoke else workload.rounds
    with _own_side(bench, workload) as side:

        def left_behind() -> dict[str, float]:
            return side.order("history", within=_LONGEST_SECONDS)

        is_durable = bench.cell.way == PERDURE
        after = left_behind if is_durable else None
        bench.timed(workload.job, rounds=rounds, side=side, after=after)


@workloads((IDLE,))
def bench_idle_conversations(bench: Bench, workload: Framework) -> None:
    _require(workload.package)
    with _own_side(bench, workload) as side:
        process = psutil.Process(side.pid)
        side.order("greet", within=_LONGEST_SECONDS, count=_WARM_UP, **{"from": "warm-up"})
        before = process.memory_info().rss
        side.order("greet", within=_LONGEST_SECONDS, count=_IDLE, **{"from": "idle"})
        after = process.memory_info().rss
    each = (after - before) / _IDLE
    bench.keep(unit="bytes", samples=[each], figures={"memory_bytes.worker": after})


def _own_side(bench: Bench, workload: Framework) -> AbstractContextManager[Side]:
    arguments = [workload.example or bench.cell.way]
    return bench.session.own_side(bench.cell, module=workload.module, arguments=arguments)


def _require(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        name = package.replace("_", "-")
        raise PlaceError(f"{name} is not installed; type: pip install {name}")
