"""Threads for ``def`` activities: as many as are called at once, reused, and never waited for.

All book-keeping happens on the event loop's thread, so there are no locks. A thread takes one call
at a time from its own inbox; when done it leaves the outcome in a common outbox and, unless that is
under way already, asks the loop to collect: many completions cost one wake-up.

``concurrent.futures`` does not fit: its threads are joined when Python exits, so a single hanging
call would keep the process from ending, and a hanging call holds its place for ever.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import queue
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_IDLE_SECONDS = 10.0
_SLACK_SECONDS = 1.0


class _Call:
    """One call of a function, and what came of it."""

    __slots__ = ("context", "error", "function", "future", "result")

    def __init__(self, function: Callable[[], Any], future: asyncio.Future[Any]) -> None:
        self.function = function
        self.future = future
        self.context = contextvars.copy_context()
        self.result: Any = None
        self.error: BaseException | None = None


class _Worker:
    """One thread."""

    __slots__ = ("idle_since", "inbox")

    def __init__(self) -> None:
        self.inbox: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self.idle_since = 0.0


class ThreadPool:
    """Runs blocking functions in daemon threads, for one event loop; not thread-safe itself.

    It sets no limit on how many run at once; the caller does. A thread idle for a while ends.
    """

    def __init__(
        self, *, name: str = "perdure-activity", idle_seconds: float = _IDLE_SECONDS
    ) -> None:
        self._name = name
        self._idle_seconds = idle_seconds
        self._numbers = itertools.count(1)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._idle: list[_Worker] = []
        self._busy: dict[_Call, _Worker] = {}
        self._abandoned: set[_Worker] = set()
        self._outbox: deque[tuple[_Worker, _Call]] = deque()
        self._is_waking = False
        self._reaper: asyncio.TimerHandle | None = None

    @property
    def busy(self) -> int:
        """How many calls run that somebody waits for."""
        return len(self._busy)

    @property
    def idle(self) -> int:
        """How many threads wait for work."""
        return len(self._idle)

    @property
    def abandoned(self) -> int:
        """How many threads still run a call that was given up."""
        return len(self._abandoned)

    async def run(self, function: Callable[[], Any]) -> Any:
        """Call ``function`` in a thread, in a copy of the present context; return its result.

        Cancelling gives the call up at once: the thread runs on, and what comes of it is dropped.

        Raises:
            BaseException: Whatever ``function`` raises.
            RuntimeError: No further thread can be started.
        """
        loop = self._loop = asyncio.get_running_loop()
        call = _Call(function, loop.create_future())
        worker = self._idle.pop() if self._idle else self._start_worker()
        self._busy[call] = worker
        worker.inbox.put(call)
        try:
            await call.future
        except asyncio.CancelledError:
            if self._busy.pop(call, None) is not None:
                self._abandoned.add(worker)
            raise
        if call.error is not None:
            raise call.error
        return call.result

    def close(self) -> None:
        """Let idle threads end and give up the calls that run. Returns at once; may come twice."""
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None
        for worker in self._idle:
            worker.inbox.put(None)
        self._idle.clear()
        for call, worker in self._busy.items():
            call.future.cancel()
            self._abandoned.add(worker)
        self._busy.clear()

    def _start_worker(self) -> _Worker:
        worker = _Worker()
        name = f"{self._name}-{next(self._numbers)}"
        threading.Thread(target=self._work, args=(worker,), name=name, daemon=True).start()
        return worker

    def _work(self, worker: _Worker) -> None:
        """Run calls until told to end. The only method that runs in the threads."""
        while (call := self._next_call(worker)) is not None:
            try:
                call.result = call.context.run(call.function)
            except BaseException as err:  # noqa: BLE001 - it is the caller's
                call.error = err
            if not self._hand_over(worker, call):
                return
            call = None  # or an idle thread would keep the last result alive

    def _next_call(self, worker: _Worker) -> _Call | None:
        while True:
            try:
                return worker.inbox.get(timeout=self._idle_seconds + _SLACK_SECONDS)
            except queue.Empty:
                # Where nobody closed the pool, only this ends the threads of a loop that is gone.
                if self._loop is None or self._loop.is_closed():
                    return None

    def _hand_over(self, worker: _Worker, call: _Call) -> bool:
        loop = self._loop
        self._outbox.append((worker, call))
        # The collector lowers the flag before it looks, so what is appended before the flag is seen
        # raised is still collected.
        if self._is_waking or loop is None:
            return True
        self._is_waking = True
        try:
            loop.call_soon_threadsafe(self._collect)
        except RuntimeError:  # the loop is closed; nobody waits any more
            return False
        return True

    def _collect(self) -> None:
        self._is_waking = False
        while self._outbox:
            worker, call = self._outbox.popleft()
            if self._busy.pop(call, None) is None:
                # Abandoned: its place was given to another thread.
                self._abandoned.discard(worker)
                worker.inbox.put(None)
                continue
            self._rest(worker)
            if not call.future.done():
                call.future.set_result(None)

    def _rest(self, worker: _Worker) -> None:
        loop = asyncio.get_running_loop()
        worker.idle_since = loop.time()
        self._idle.append(worker)
        if self._reaper is None:
            self._reaper = loop.call_later(self._idle_seconds, self._reap)

    def _reap(self) -> None:
        """End the threads that were idle all the time. The list is in order of idleness."""
        loop = asyncio.get_running_loop()
        self._reaper = None
        limit = loop.time() - self._idle_seconds
        tired = [worker for worker in self._idle if worker.idle_since <= limit]
        for worker in tired:
            worker.inbox.put(None)
        self._idle = [worker for worker in self._idle if worker.idle_since > limit]
        if self._idle:
            delay = self._idle[0].idle_since - limit
            self._reaper = loop.call_later(delay, self._reap)
