"""Measure a durable graph beside plain LangGraph and beside the vendor's SDK; keep the figures.

``python -m benchmarks.graphs [BACKEND] [--rounds N] [--threads N] [--seed N]``
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.beside.contest import machine
from benchmarks.beside.side import Side
from benchmarks.beside.workloads import Job
from benchmarks.graphs.results import GraphFigures, markdown, write_figures
from benchmarks.graphs.subject import NODES, Subject
from benchmarks.graphs.timing import history_of_run, memory_of_waiting, timed
from perdure.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from perdure.stack import OptionValue

_STACKS: Mapping[str, Mapping[str, OptionValue]] = {"azure": {"throttle": "off"}, "dapr": {}}
_FOLDER = ".benchmarks"
_WARM_UP = 2


def main(arguments: Sequence[str]) -> None:
    """Measure what the command line asks for."""
    asked = _parsed(arguments)
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory(prefix="perdure-bench-") as name:
        folder = Path(name)
        with _backend(asked.backend, folder) as (url, stack):
            figures = asyncio.run(_measured(asked, folder, url))
            if stack is not None:
                # By itself, as a server gives the work of any worker to any other.
                seconds = _native(asked.backend, stack, folder, rounds=asked.rounds)
                figures.seconds[f"the vendor's SDK, {NODES} activities"] = seconds
    write_figures(Path(_FOLDER) / f"graphs-{asked.backend}.json", figures)
    sys.stdout.write(markdown(figures))


async def _measured(asked: argparse.Namespace, folder: Path, url: str) -> GraphFigures:
    subject = Subject(url)
    async with subject.app.run() as client:
        seconds = await timed(subject, client, folder, rounds=asked.rounds, seed=asked.seed)
        history = await history_of_run(subject, client)
        memory = await memory_of_waiting(subject, client, threads=asked.threads)
    return GraphFigures(
        backend=asked.backend,
        conditions={
            "perdure": version("perdure"),
            "langgraph": version("langgraph"),
            **machine(),
            "rounds": str(asked.rounds),
        },
        seconds=seconds,
        history=history,
        waiting=asked.threads,
        memory_bytes=memory,
    )


def _native(backend: str, stack: Stack, folder: Path, *, rounds: int) -> list[float]:
    """Return how long a chain of as many activities takes through the vendor's SDK."""
    if backend == "azure":
        from benchmarks.azure.compare import VENDOR
    else:
        from benchmarks.dapr.compare import VENDOR
    environment = {**stack.environment, **VENDOR.variables(stack)}
    module = VENDOR.native_side
    job = Job(shape="chain", size=NODES)
    with Side("native", module=module, environment=environment, log=folder / "native.log") as side:
        side.connect()
        found = [side.run(job, [f"native-{number}"]) for number in range(_WARM_UP + rounds)]
        side.disconnect()
    return [each.seconds for each in found[_WARM_UP:]]


@contextlib.contextmanager
def _backend(name: str, folder: Path) -> Iterator[tuple[str, Stack | None]]:
    if name == "sqlite":
        yield f"sqlite:///{folder / 'bench.db'}", None
        return
    stack = Stack(name, folder / "stack", is_tied=True, tell=_tell)
    stack.up(_STACKS[name])
    try:
        yield stack.url, stack
    finally:
        stack.down()


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.graphs")
    parser.add_argument("backend", nargs="?", default="sqlite", choices=["sqlite", *_STACKS])
    parser.add_argument("--rounds", type=int, default=15, help="runs of each way that count")
    parser.add_argument("--threads", type=int, default=300, help="that wait")
    parser.add_argument("--seed", type=int, default=0, help="of the order within rounds")
    return parser.parse_args(arguments)


def _tell(words: str) -> None:
    sys.stderr.write(words + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
