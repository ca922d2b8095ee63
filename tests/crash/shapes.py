"""Workflows of every shape, as the app of the worker processes that a campaign kills.

Each returns what it saw; :data:`EXPECTED` says what that must be, whatever was killed on the way.
"""

from __future__ import annotations

import asyncio
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import perdure
from tests.crash import evidence, kill_points

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS = 6
TICKS = 5
GENERATIONS = 3

app = perdure.App("crash", backend=os.environ.get("CRASH_BACKEND"))
_RETRIES = perdure.RetryPolicy(max_attempts=4, initial_interval=timedelta(milliseconds=20))
_record = Path(os.environ.get("CRASH_RECORD", "crash-record.jsonl"))


def _note(phase: evidence.Phase, label: str, seen: list[str] | None = None) -> None:
    activity = perdure.current_activity()
    evidence.append(
        _record,
        evidence.Line(
            phase=phase,
            key=activity.idempotency_key,
            attempt=activity.attempt,
            pid=os.getpid(),
            label=label,
            seen=tuple(seen or ()),
        ),
    )
    if phase == "end":
        kill_points.result_reached()


@app.activity
async def work(label: str, seen: list[str], milliseconds: int) -> str:
    """Do something for a while, on perdure's loop."""
    _note("begin", label, seen)
    await asyncio.sleep(milliseconds / 1000)
    _note("end", label)
    return label


@app.activity
def blocking_work(label: str, seen: list[str], milliseconds: int) -> str:
    """Do something for a while, in a thread."""
    _note("begin", label, seen)
    time.sleep(milliseconds / 1000)
    _note("end", label)
    return label


@app.activity(retry=_RETRIES)
async def flaky_work(label: str, seen: list[str], failures: int) -> str:
    """Fail on the first attempts."""
    _note("begin", label, seen)
    if perdure.current_activity().attempt <= failures:
        _note("fail", label)
        raise ConnectionError(f"{label} is out of reach")
    _note("end", label)
    return label


@app.activity(delivery="at_most_once")
async def careful_work(label: str, seen: list[str]) -> str:
    """Do what must not be done twice."""
    _note("begin", label, seen)
    await asyncio.sleep(0.02)
    _note("end", label)
    return label


@app.workflow
async def chain(name: str) -> list[str]:
    """Run one activity after the other, in loop and in threads."""
    done: list[str] = []
    for number in range(8):
        run = blocking_work if number % 3 == 2 else work
        done.append(await run(f"{name}/{number}", list(done), 10))
    return done


@app.workflow
async def fan_out(name: str) -> list[str]:
    """Run many at once, twice."""
    first = await asyncio.gather(*(work(f"{name}/a{n}", [], 5 + 10 * n) for n in range(6)))
    second = await asyncio.gather(*(blocking_work(f"{name}/b{n}", first, 30) for n in range(6)))
    return [*first, *second]


@app.workflow
async def stubborn(name: str) -> list[str]:
    """Retry what fails."""
    done: list[str] = []
    for number in range(3):
        done.append(await flaky_work(f"{name}/{number}", list(done), number))
    return done


@app.workflow
async def clockwork(name: str) -> list[int]:
    """Let timers fire, also ones of callbacks, and count each."""
    fired: list[int] = []
    loop = asyncio.get_running_loop()
    for number in range(TICKS):
        loop.call_later(0.05 * (number + 1), fired.append, number)
    done: list[str] = []
    for number in range(TICKS):
        await asyncio.sleep(0.06)
        done.append(await work(f"{name}/{number}", list(done), 5))
    return fired


@app.workflow
async def listener(name: str) -> list[int]:
    """Take events in order, each once, and work on each."""
    heard: list[int] = []
    done: list[str] = []
    while len(heard) < EVENTS:
        heard.append(await perdure.wait_for_event("number", int))
        done.append(await work(f"{name}/{len(heard)}", list(done), 5))
    return heard


@app.workflow
async def family(name: str) -> list[list[str]]:
    """Wait for children."""
    return await asyncio.gather(*(chain(f"{name}/child{n}") for n in range(3)))


@app.workflow
async def generations(name: str, number: int, seen: list[str]) -> list[str]:
    """Begin again with a fresh history, with an event on its way."""
    for step in range(3):
        seen = [*seen, await work(f"{name}/{number}.{step}", seen, 8)]
    if number + 1 < GENERATIONS:
        perdure.continue_as_new(name, number + 1, seen)
    return seen


@app.workflow
async def careful(name: str) -> list[str]:
    """Run at-most-once activities; one of unknown outcome is not run again."""
    done: list[str] = []
    for number in range(4):
        label = f"{name}/{number}"
        try:
            done.append(await careful_work(label, list(done)))
        except perdure.ActivityOutcomeUnknownError:
            done.append(f"{label}?")
    return done


@app.workflow
async def race(name: str) -> str:
    """Let an activity and a timer race; losers stay harmless."""
    slow = asyncio.create_task(work(f"{name}/slow", [], 400))
    for number in range(3):
        try:
            async with asyncio.timeout(0.03):
                await asyncio.shield(slow)
        except TimeoutError:
            await work(f"{name}/{number}", [], 5)
    return await slow


def _labels(name: str, *parts: str) -> list[str]:
    return [f"{name}/{part}" for part in parts]


def _chain(name: str) -> list[str]:
    return _labels(name, *map(str, range(8)))


EXPECTED: dict[str, Callable[[str], object]] = {
    "chain": _chain,
    "fan_out": lambda n: _labels(n, *(f"{p}{i}" for p in "ab" for i in range(6))),
    "stubborn": lambda n: _labels(n, "0", "1", "2"),
    "clockwork": lambda _: list(range(TICKS)),
    "listener": lambda _: list(range(EVENTS)),
    "family": lambda n: [_chain(f"{n}/child{i}") for i in range(3)],
    "generations": lambda n: _labels(
        n, *(f"{g}.{s}" for g in range(GENERATIONS) for s in range(3))
    ),
    "careful": lambda n: _labels(n, "0", "1", "2", "3"),
    "race": lambda n: f"{n}/slow",
}
"""What an instance of each workflow must return, by its name."""


def start_arguments(workflow: str, name: str) -> dict[str, object]:
    """Return what to start ``workflow`` with."""
    first: dict[str, object] = {"number": 0, "seen": []} if workflow == "generations" else {}
    return {"name": name, **first}
