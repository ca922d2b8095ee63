"""Probes, within a side's process: one instance with one payload, and what became of it.

Whatever happens, a probe answers in time, unless the process itself is stuck; then whoever gave the
order kills it.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from perdure_bench.payloads.kinds import answer_of, expected, given_to, runs_of, text_of
from perdure_bench.sides import serving

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from perdure_bench.payloads.kinds import Kind

Outcome = Literal["accepted", "changed", "refused", "stalled", "hung", "lost"]

REMOVE_SECONDS = 4.0
LONGEST_SECONDS = 60.0
"""How long an instance of many activities may take, which go on running meanwhile."""

_STATUS_SECONDS = 2.0
_AT_THE_END = ("COMPLETED", "completed")
_MOST_CHARACTERS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What became of one payload.

    Attributes:
        bytes: Its size.
        outcome: ``accepted``: it arrived as it was; ``changed``: it arrived, but not as it was;
            ``refused``: somebody got an error; ``stalled``: the instance is held, and the backend
            says so; ``hung``: nothing had become of it when the time was up; ``lost``: a
            connection or a process broke.
        seconds: From the start to the answer.
        where: Of an error: ``client``, ``client, reading``, ``workflow``.
        words: Of whoever refused it or holds it.
        before: What became of it at a first try, if it was tried again.
        is_removed: Whether nothing is left that could disturb the next probe.
    """

    bytes: int
    outcome: Outcome
    seconds: float
    where: str = ""
    words: str = ""
    before: str = ""
    is_removed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """An instance that goes no further.

    Attributes:
        status: How it stands.
        output: The text that it returned.
        custom_status: The text that it showed last.
        words: Why it failed or is held.
    """

    status: Literal["completed", "failed", "stalled"]
    output: str = ""
    custom_status: str = ""
    words: str = ""


class Runs:
    """Counts how often an activity that gives a text has run in this process."""

    def __init__(self) -> None:
        self.count = 0


RUNS = Runs()


class Prober(Protocol):
    """A worker and a client in one process, whose workflows are named like the kinds.

    In names of workflows an underscore takes the place of a blank.
    """

    async def connect(self) -> None:
        """Connect the client, and a worker that is ready when this returns."""

    async def start(self, kind: Kind, given: str | int, instance_id: str) -> None:
        """Start an instance; return once the backend has taken it."""

    async def raise_event(self, text: str, instance_id: str) -> None:
        """Raise the event ``go``; return once the backend has taken it."""

    async def ended(self, instance_id: str) -> Ended:
        """Return once an instance goes no further."""

    async def status(self, instance_id: str) -> str:
        """Return how an instance stands, in a word."""

    async def remove(self, instance_id: str, *, is_running: bool) -> None:
        """Delete an instance, if need be by force."""

    def is_lost(self, error: Exception) -> bool:
        """Return whether an error says that the server cannot be reached."""

    def words_of(self, error: Exception) -> str:
        """Return what an error says, with its kind."""

    async def disconnect(self) -> None:
        """Stop the worker and the client."""


def serve(prober: Prober) -> None:
    """Obey orders on the standard input, until it ends."""

    async def answer(order: dict[str, Any]) -> dict[str, Any]:
        del order["do"]
        return asdict(await probe(prober, **order))

    async def remove(order: dict[str, Any]) -> dict[str, Any]:
        return {"is_removed": await _is_removed(prober, order["instance_id"], is_running=True)}

    # It is never told to run a job, for which it lacks the methods.
    more = {"probe": answer, "remove": remove}
    serving.serve(cast("serving.Subject", prober), more=more)


async def probe(
    prober: Prober, *, kind: Kind, size: int, instance_id: str, deadline_seconds: float
) -> Probed:
    """Run one instance with one payload.

    Args:
        prober: Where.
        kind: What the payload is.
        size: How many bytes its JSON has.
        instance_id: One that was never used.
        deadline_seconds: It counts as hung when so long nothing has become of it.
    """
    began = time.perf_counter()
    try:
        work = asyncio.ensure_future(_outcome(prober, kind, size, instance_id))
        await _go_on(deadline_seconds, work, runs=runs_of(kind, size))
        if not work.done() and await _status(prober, instance_id) in _AT_THE_END:
            # Only the answer is on its way.
            await asyncio.wait({work}, timeout=deadline_seconds)
        probed: Probed = await _within(0, work)
        seconds = time.perf_counter() - began
    except TimeoutError:
        seconds = round(time.perf_counter() - began, 1)
        words = f"still {await _status(prober, instance_id)} after {seconds:g} s"
        if runs := runs_of(kind, size):
            words += f", when {RUNS.count} of {runs} activities had run"
        probed = Probed(bytes=size, outcome="hung", seconds=0, words=words)
    is_running = probed.outcome in ("stalled", "hung", "lost") or probed.where != "workflow"
    is_running = is_running and probed.outcome not in ("accepted", "changed")
    is_removed = await _is_removed(prober, instance_id, is_running=is_running)
    return Probed(
        bytes=size,
        outcome=probed.outcome,
        seconds=seconds,
        where=probed.where,
        words=_short(probed.words),
        is_removed=is_removed,
    )


async def _outcome(prober: Prober, kind: Kind, size: int, instance_id: str) -> Probed:
    def refused(error: Exception, where: str) -> Probed:
        outcome: Outcome = "lost" if prober.is_lost(error) else "refused"
        words = prober.words_of(error)
        return Probed(bytes=size, outcome=outcome, seconds=0, where=where, words=words)

    try:
        await prober.start(kind, given_to(kind, size), instance_id)
        if kind == "event":
            await prober.raise_event(text_of(size), instance_id)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is asked for
        return refused(error, "client")
    try:
        ended = await prober.ended(instance_id)
    except Exception as error:  # noqa: BLE001 - as above
        return refused(error, "client, reading")
    if ended.status == "failed":
        where = "workflow"
        return Probed(bytes=size, outcome="refused", seconds=0, where=where, words=ended.words)
    if ended.status == "stalled":
        return Probed(bytes=size, outcome="stalled", seconds=0, words=ended.words)
    answer = answer_of(kind, output=ended.output, custom_status=ended.custom_status)
    if answer != expected(kind, size):
        words = f"{answer} instead of {expected(kind, size)}"
        return Probed(bytes=size, outcome="changed", seconds=0, words=words)
    return Probed(bytes=size, outcome="accepted", seconds=0)


async def _go_on(seconds: float, work: asyncio.Task[Probed], *, runs: int) -> None:
    """Wait for some work, as long as so many activities do not cease to run meanwhile.

    An activity that runs again and again is none that goes on, so no more than ``runs`` count.
    """
    RUNS.count, before, last = 0, -1, time.monotonic() + LONGEST_SECONDS
    while not work.done() and before < min(RUNS.count, runs) and time.monotonic() < last:
        before = min(RUNS.count, runs)
        await asyncio.wait({work}, timeout=seconds)


async def _within(seconds: float, work: Awaitable[Any]) -> Any:
    """Return what some work gives; let go of it after so many seconds, even if it will not end."""
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        task.cancel()
        raise TimeoutError
    return task.result()


async def _status(prober: Prober, instance_id: str) -> str:
    try:
        status: str = await _within(_STATUS_SECONDS, prober.status(instance_id))
    except Exception as error:  # noqa: BLE001 - the server may be in any state
        return f"without an answer ({type(error).__name__})"
    return status


async def _is_removed(prober: Prober, instance_id: str, *, is_running: bool) -> bool:
    try:
        await _within(REMOVE_SECONDS, prober.remove(instance_id, is_running=is_running))
    except Exception:  # noqa: BLE001 - whatever the reason, whoever asked starts afresh
        return False
    return True


def _short(words: str) -> str:
    one_line = " ".join(words.split())
    return one_line if len(one_line) <= _MOST_CHARACTERS else one_line[: _MOST_CHARACTERS - 1] + "…"
