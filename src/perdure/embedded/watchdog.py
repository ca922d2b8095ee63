"""The watchdog: stops a workflow that computes without end, and says what blocks the event loop.

It is a thread of its own that looks at the engine's thread from outside. A step that has used more
CPU time than it may gets a :class:`ForbiddenInWorkflowError` raised in it, wherever it is.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from perdure.errors import ForbiddenInWorkflowError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_LOOKS_PER_LIMIT: Final = 5
_LONGEST_NAP_SECONDS: Final = 1.0
_BLOCKED_SECONDS: Final = 1.0
_STACK_FRAMES: Final = 5


class Watchdog:
    """Watches the steps that one thread, the one it is made on, runs through :meth:`run`.

    Args:
        limit_seconds: The CPU time that one step may use. It counts from when the step is first
            seen, so a step may get up to a fifth more, and at most a second.
        loop: The loop of the thread; if given, a warning says what blocks it for over a second.
    """

    def __init__(
        self, *, limit_seconds: float = 10.0, loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        self._limit_seconds = limit_seconds
        self._nap_seconds = min(limit_seconds / _LOOKS_PER_LIMIT, _LONGEST_NAP_SECONDS)
        self._watched = threading.get_ident()
        self._cpu_seconds = _cpu_clock(self._watched)
        # Re-entrant, because an exception may hit between its being taken and the block that it
        # guards.
        self._lock = threading.RLock()
        self._steps = 0
        self._current: str | None = None
        self._is_raised = False
        self._heart = None if loop is None else _Heart(loop, self._watched)
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="perdure-watchdog", daemon=True)
        self._thread.start()

    def run(self, step: Callable[[], _T], *, instance_id: str) -> _T:
        """Call ``step`` under watch. Once it has returned or raised, nothing more is hit.

        Raises:
            ForbiddenInWorkflowError: The step went over its limit. It may have been hit anywhere,
                so what it worked on is to be thrown away, not used again.
        """
        try:
            try:
                self._steps += 1
                self._current = instance_id
                return step()
            finally:
                self._leave()
        except ForbiddenInWorkflowError:
            # It may have hit on the way through _leave(), which is not done yet then.
            self._leave()
            with contextlib.suppress(RuntimeError):
                while True:
                    self._lock.release()
            raise

    def stop(self) -> None:
        """End the thread. May be called twice."""
        self._is_stopped.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _leave(self) -> None:
        with self._lock:
            self._current = None
            if self._is_raised:
                # Called off, in case it is still on its way.
                _raise_in(self._watched, None)
                self._is_raised = False

    def _watch(self) -> None:
        seen: _Sighting | None = None
        while not self._is_stopped.wait(self._nap_seconds):
            seen = self._look(seen)
            if self._heart is not None:
                self._heart.check(self._nap_seconds)

    def _look(self, seen: _Sighting | None) -> _Sighting | None:
        step = self._steps
        if self._current is None:
            return None
        cpu_seconds = self._cpu_seconds()
        if seen is None or seen.step != step:
            return _Sighting(step=step, cpu_seconds=cpu_seconds)
        if cpu_seconds - seen.cpu_seconds < self._limit_seconds:
            return seen
        with self._lock:
            # While this holds the lock the step cannot end, so what is raised hits this one or is
            # called off.
            instance_id = self._current
            if instance_id is None or self._steps != step:
                return None
            self._is_raised = True
            _raise_in(self._watched, _never_yields(self._limit_seconds))
        _log.error(
            "a workflow computed for %g s without an await, and is stopped: %s",
            self._limit_seconds,
            _where(self._watched),
            extra={"instance_id": instance_id},
        )
        # One that catches everything gets it again, after as long a time.
        return _Sighting(step=step, cpu_seconds=cpu_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sighting:
    """When a step was seen first: its number, and the CPU time that its thread had used by then."""

    step: int
    cpu_seconds: float


class _Heart:
    """Has a loop beat once in a while, and says what blocks it when it does not."""

    def __init__(self, loop: asyncio.AbstractEventLoop, thread_id: int) -> None:
        self._loop = loop
        self._thread_id = thread_id
        self._has_beaten = True
        self._silent_seconds = 0.0

    def check(self, elapsed_seconds: float) -> None:
        if self._has_beaten:
            self._has_beaten = False
            self._silent_seconds = 0.0
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._beat)
            return
        was_blocked = self._silent_seconds >= _BLOCKED_SECONDS
        self._silent_seconds += elapsed_seconds
        if self._silent_seconds >= _BLOCKED_SECONDS and not was_blocked:
            _log.warning(
                "perdure's event loop is blocked for over %g s; an async activity must not block, "
                "make it a plain def: %s",
                _BLOCKED_SECONDS,
                _where(self._thread_id),
            )

    def _beat(self) -> None:
        self._has_beaten = True


def _cpu_clock(thread_id: int) -> Callable[[], float]:
    if hasattr(time, "pthread_getcpuclockid"):
        clock_id = time.pthread_getcpuclockid(thread_id)
        return lambda: time.clock_gettime(clock_id)
    # macOS has no clock of another thread; that of the process runs faster when other threads
    # compute too.
    return time.process_time


def _raise_in(thread_id: int, kind: type[BaseException] | None) -> None:
    exception = None if kind is None else ctypes.py_object(kind)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), exception)


def _never_yields(limit_seconds: float) -> type[ForbiddenInWorkflowError]:
    """Return a class to raise: the interpreter makes the instance itself, without arguments."""

    def __init__(self: ForbiddenInWorkflowError) -> None:
        ForbiddenInWorkflowError.__init__(
            self,
            what=f"computing for more than {limit_seconds:g} s without an await",
            remedy="do the work in an activity (a plain def runs in a thread)",
        )

    base = ForbiddenInWorkflowError
    names = {"__init__": __init__, "__module__": base.__module__, "__qualname__": base.__qualname__}
    return type(base.__name__, (base,), names)


def _where(thread_id: int) -> str:
    frame = sys._current_frames().get(thread_id)
    stack = traceback.extract_stack(frame, limit=None) if frame is not None else []
    return " < ".join(
        f"{entry.name} ({entry.filename}:{entry.lineno})"
        for entry in reversed(stack[-_STACK_FRAMES:])
    )
