"""Runs that a worker keeps in memory between work items, and their teardown.

SDKs drop a suspended generator without a word; the garbage collector finds it whenever and wherever
it runs. But an execution is a plain call on one thread: when a thread begins another, the last one
is over. So a run that is to go is closed then, on purpose, or when the worker has stopped.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure.spi.bridge.run import Run


class RetainedRuns:
    """The runs in memory, least recently used first. May be used from several threads."""

    def __init__(self, *, limit: int) -> None:
        """Keep up to ``limit`` runs; with 0, each execution replays its history."""
        self._limit = limit
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._by_thread: dict[int, Run] = {}
        self._leaving: set[Run] = set()

    def __len__(self) -> int:
        return len(self._runs)

    def begin(self, instance_id: str, run_id: str, make: Callable[[], Run]) -> Run:
        """Return the run that the calling thread is to execute now; make it if it is not here."""
        with self._lock:
            closing = self._end_execution()
            run = self._runs.get(instance_id)
            if run is not None and run.run_id != run_id:
                closing += self._remove(instance_id)
                run = None
        _close(closing)
        run = run or make()
        with self._lock:
            self._runs[instance_id] = run
            self._runs.move_to_end(instance_id)
            self._by_thread[threading.get_ident()] = run
            closing = []
            while len(self._runs) > self._limit:
                closing += self._remove(next(iter(self._runs)))
        _close(closing)
        return run

    def get(self, instance_id: str) -> Run | None:
        """Return the run of an instance if it is here."""
        with self._lock:
            return self._runs.get(instance_id)

    def forget(self, instance_id: str) -> None:
        """Let the run of an instance go; it is closed once nothing executes it."""
        with self._lock:
            closing = self._remove(instance_id)
        _close(closing)

    def close(self) -> None:
        """Close all. Nothing executes any more. May be called twice."""
        with self._lock:
            closing = [*self._runs.values(), *self._leaving]
            self._runs.clear()
            self._leaving.clear()
            self._by_thread.clear()
        _close(closing)

    def _end_execution(self) -> list[Run]:
        last = self._by_thread.pop(threading.get_ident(), None)
        if last is None or last not in self._leaving or last in self._by_thread.values():
            return []
        self._leaving.discard(last)
        return [last]

    def _remove(self, instance_id: str) -> list[Run]:
        run = self._runs.pop(instance_id, None)
        if run is None:
            return []
        if run in self._by_thread.values():
            self._leaving.add(run)
            return []
        return [run]


def _close(runs: list[Run]) -> None:
    for run in runs:
        run.close()
