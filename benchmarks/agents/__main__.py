"""Measure a durable agent beside the plain framework, and keep the figures.

``python -m benchmarks.agents [BACKEND] [--pairs N] [--conversations N] [--seed N]``
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.agents.answers import Actions, history_of_answer, timed_pairs
from benchmarks.agents.desk import MODEL_VARIABLE, RULES, TOOL_TURNS, make_agent, make_runner
from benchmarks.agents.idle import idle_conversations
from benchmarks.agents.results import FOLDER, AgentFigures, write_figures
from benchmarks.agents.table import markdown
from benchmarks.beside.contest import machine
from perdure.config import BACKEND_VARIABLE
from perdure.stack import Stack
from perdure.testing.scripted_model import scripted_model_process

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.agents.results import History
    from perdure.stack import OptionValue

_STACKS: Mapping[str, Mapping[str, OptionValue]] = {"azure": {"throttle": "off"}, "dapr": {}}
_WARM_UP = 2


def main(arguments: Sequence[str]) -> None:
    """Measure what the command line asks for."""
    asked = _parsed(arguments)
    # What clients log of each request would be the plain side's cost as well as ours.
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory(prefix="perdure-bench-") as name:
        figures = asyncio.run(_measured(asked, Path(name)))
    write_figures(Path(FOLDER) / f"agents-{asked.backend}.json", figures)
    sys.stdout.write(markdown([figures]))


async def _measured(asked: argparse.Namespace, folder: Path) -> AgentFigures:
    with _backend(asked.backend, folder) as (url, stack):
        async with scripted_model_process(RULES, log=folder / "model.jsonl") as model:
            os.environ[BACKEND_VARIABLE] = url
            app, runner = make_runner({MODEL_VARIABLE: model.url})
            async with app.run() as client:
                plain, durable = await timed_pairs(
                    make_agent(model.url),
                    runner,
                    pairs=asked.pairs,
                    warm_up=_WARM_UP,
                    seed=asked.seed,
                )
                actions = None if stack is None or asked.backend != "azure" else Actions(stack)
                counted = 0 if actions is None else actions.counted()
                history: History = await history_of_answer(client, runner)
                spent = None if actions is None else actions.counted() - counted
            idle = None
            if asked.conversations:
                async with app.client():
                    idle = await idle_conversations(
                        runner, url=url, model=model.url, folder=folder, count=asked.conversations
                    )
    return AgentFigures(
        backend=asked.backend,
        conditions=_conditions(asked.seed),
        tool_turns=TOOL_TURNS,
        plain_seconds=plain,
        durable_seconds=durable,
        history=history,
        actions=spent,
        idle=idle,
    )


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


def _conditions(seed: int) -> dict[str, str]:
    framework = {"agent-framework-core": version("agent-framework-core")}
    return {"perdure": version("perdure"), **framework, **machine(), "seed": str(seed)}


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.agents")
    parser.add_argument("backend", nargs="?", default="sqlite", choices=["sqlite", *_STACKS])
    parser.add_argument("--pairs", type=int, default=15, help="answers of each side that count")
    parser.add_argument("--conversations", type=int, default=1_000, help="that wait; 0: none")
    parser.add_argument("--seed", type=int, default=0, help="of the order within pairs")
    return parser.parse_args(arguments)


def _tell(words: str) -> None:
    sys.stderr.write(words + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
