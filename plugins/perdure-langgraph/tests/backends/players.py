"""All golden shapes at once on one backend, each on a thread of its own runner in one app.

A process of its own, as one process cannot load the messages of both vendors' SDKs. It prints what
went wrong with which shape, as JSON: ``python -m backends.players URL FOLDER``.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import itertools
import json
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graph_kit.playing import play
from graph_kit.shapes import Log
from graph_kit.ways import Played, check_turns, play_plainly

import perdure
from perdure_langgraph import DurableGraphRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from graph_kit.shapes import Build

_SECONDS = 600
_THREADS = 64
_SHAPES = Path(__file__).parents[1] / "shapes"


class Stage:
    """One app for all shapes: it starts to work when each of them is registered."""

    def __init__(self, backend: str, *, players: int) -> None:
        self.app = perdure.App("shapes", backend=backend)
        self.are_all_here = asyncio.Event()
        self.is_open = asyncio.Event()
        self.played = 0
        self._players = players
        self._here: set[asyncio.Task[Any] | None] = set()

    def arrive(self) -> None:
        """Note that the player whose task this is waits for the stage to open, or is done."""
        self._here.add(asyncio.current_task())
        if len(self._here) == self._players:
            self.are_all_here.set()

    async def golden(self, build: Build, folder: Path) -> Played:
        """Play a shape plainly and on this stage, and compare; for the tests to call."""
        plain = await play_plainly(build)
        log = Log()
        shape = build(log)
        self.played += 1
        runner = DurableGraphRunner(shape.graph, app=self.app, name=f"shape{self.played}")
        self.arrive()
        await self.is_open.wait()
        turns = await play(shape, runner)
        raised = [turn["raised"] for turn in turns]
        check_turns(plain.turns, turns, what=f"run by the runner, which raised {raised},")
        # A backend delivers an activity at least once, so executions are not counted here.
        return plain


def tests() -> Iterator[tuple[str, Callable[..., Any], dict[str, Any]]]:
    """Yield the tests that play shapes, with their parameters."""
    for file in sorted(_SHAPES.glob("test_*.py")):
        module: Any = importlib.import_module(f"shapes.{file.stem}")
        for name, test in inspect.getmembers(module, inspect.iscoroutinefunction):
            if name.startswith("test_") and "golden" in test.__code__.co_names:
                for number, given in enumerate(_parameters(test)):
                    yield f"{name}-{number}", test, given


def _parameters(test: Any) -> list[dict[str, Any]]:
    choices = []
    for mark in getattr(test, "pytestmark", []):
        if mark.name == "parametrize":
            names, values = mark.args[:2]
            assert "," not in names, f"{test.__name__}: one name per parametrize, please"
            choices.append([{names: value} for value in values])
    return [
        {k: v for it in chosen for k, v in it.items()} for chosen in itertools.product(*choices)
    ]


async def play_all(backend: str, folder: Path) -> dict[str, str | None]:
    """Play all shapes; return the error of each, or ``None`` where there was no difference."""
    # Plainly, entrypoints that are a plain def each hold a thread while they wait for others.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=_THREADS))
    found = list(tests())
    stage = Stage(backend, players=len(found))

    async def play_one(test: Callable[..., Any], given: dict[str, Any], folder: Path) -> None:
        await asyncio.to_thread(folder.mkdir, parents=True)
        sys.modules[test.__module__].golden = stage.golden  # type: ignore[attr-defined]
        try:
            await test(**given, tmp_path=folder)
        finally:
            stage.arrive()

    running = {
        name: asyncio.create_task(play_one(test, given, folder / name))
        for name, test, given in found
    }
    await stage.are_all_here.wait()
    async with stage.app.run():
        stage.is_open.set()
        await asyncio.wait(running.values(), timeout=_SECONDS)
    return {name: _error_of(task) for name, task in running.items()}


def _error_of(task: asyncio.Task[None]) -> str | None:
    if not task.done():
        return "not done in time"
    error = task.exception()
    return "".join(traceback.format_exception(error)) if error is not None else None


if __name__ == "__main__":
    print(json.dumps(asyncio.run(play_all(sys.argv[1], Path(sys.argv[2])))))  # noqa: T201
