"""The workflow loop: an asyncio event loop with no selector, no thread and no clock of its own.

It runs ready callbacks in order until none is left. Time stands still while it runs: it is the
instant of the event being delivered. Timers are commands of the executor. Everything that would
reach outside is refused.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import sys
from asyncio import _get_running_loop, _set_running_loop
from collections import deque
from typing import TYPE_CHECKING, Any, NoReturn, TypeVarTuple, Unpack, cast

from perdure._replay import stdlib
from perdure._replay.futures import WorkflowFuture, WorkflowTask
from perdure._replay.roster import Roster
from perdure._replay.teardown import context_of
from perdure.errors import ForbiddenInWorkflowError

if TYPE_CHECKING:
    import contextvars
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
    from types import AsyncGeneratorType

    from perdure._replay.executor import WorkflowExecutor

    _Generator = tuple[AsyncGeneratorType[Any, Any], contextvars.Context]

_logger = logging.getLogger("perdure.workflow")
_LATEST_US = (
    253_402_300_799_000_000  # the last second of the year 9999: what datetime can still show
)
_Ts = TypeVarTuple("_Ts")


class DurableTimerHandle(asyncio.TimerHandle):
    """A timer handle that knows the command it stands for."""

    command_id: int = 0


class WorkflowLoop(asyncio.AbstractEventLoop):
    """The event loop of one workflow instance."""

    is_of_a_workflow = True

    def __init__(self, executor: WorkflowExecutor) -> None:
        self.executor = executor
        self.is_tearing_down = False
        self.is_halted = False
        self._ready: deque[asyncio.Handle] = deque()
        self._created = 0
        self.tasks: Roster[asyncio.Task[Any]] = Roster(_is_done)
        self.generators: Roster[_Generator] = Roster(_is_exhausted)
        self._task_factory: Any = None
        self.runs_threads_inline = False

    # -- running ----------------------------------------------------------------------------------

    def run_until_idle(self, *, limit: int | None = None) -> None:
        """Run callbacks until none is ready, the executor halts the loop, or ``limit`` have run."""
        previous = _get_running_loop()
        hooks = sys.get_asyncgen_hooks()
        ready = self._ready
        _set_running_loop(self)
        sys.set_asyncgen_hooks(firstiter=self._begin_generator, finalizer=_leave_to_teardown)
        try:
            while ready and not self.is_halted:
                if limit is not None:
                    if limit <= 0:
                        break
                    limit -= 1
                self._run_one(ready.popleft())
        finally:
            sys.set_asyncgen_hooks(*hooks)
            _set_running_loop(previous)

    def _run_one(self, handle: asyncio.Handle) -> None:
        if handle.cancelled():
            return
        try:
            handle._context.run(handle._callback, *handle._args)  # type: ignore[attr-defined]
        except (SystemExit, KeyboardInterrupt, ForbiddenInWorkflowError) as error:
            # asyncio re-raises the first two out of the loop after it has stored them in the task;
            # here they end one instance, not the worker.
            self.executor.fail_with(error)
        except BaseException as error:  # noqa: BLE001 - the handler's, as in asyncio
            self.call_exception_handler(
                {"message": "exception in a callback of a workflow", "exception": error}
            )

    def _begin_generator(self, generator: AsyncGenerator[Any, Any]) -> None:
        context = context_of(asyncio.current_task(self))
        self.generators.add((cast("AsyncGeneratorType[Any, Any]", generator), context))

    def drop_ready(self) -> None:
        """Let go of the callbacks that are ready; nothing runs any more."""
        self._ready.clear()

    # -- what asyncio needs ------------------------------------------------------------------------

    def time(self) -> float:
        """Return the instant of the event being delivered, in seconds since 1970 UTC."""
        return self.executor.now_us / 1_000_000

    def call_soon(
        self,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """Run ``callback`` after those that are ready already."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_soon_threadsafe(
        self,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """As :meth:`call_soon`, from the workflow's own code only.

        Raises:
            RuntimeError: Something outside calls, which cannot be replayed. The error is for the
                caller; the workflow is none the wiser.
        """
        if _get_running_loop() is not self:
            raise RuntimeError(
                "a workflow cannot be woken from outside; "
                "let an activity do that work, or raise an event"
            )
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run ``callback`` after ``delay`` seconds, by a durable timer."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run ``callback`` at ``when``, by a durable timer."""
        if when != when:
            raise ValueError("Invalid delay: NaN (not a number)")
        deadline_us = round(min(when * 1_000_000, _LATEST_US))
        handle = DurableTimerHandle(when, callback, args, self, context)
        if deadline_us <= self.executor.now_us:
            self._ready.append(handle)
        elif not self.is_tearing_down:
            handle.command_id = self.executor.timers.create(deadline_us, handle)
            setattr(handle, "_scheduled", True)  # noqa: B010 - how asyncio marks a timer that cancel() must report
        return handle

    def fire(self, handle: asyncio.TimerHandle) -> None:
        """Make the callback of a timer ready."""
        self._ready.append(handle)

    def call_next(
        self, callback: Callable[[], object], *, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """Run ``callback`` before those that are ready already."""
        handle = asyncio.Handle(callback, (), self, context)
        self._ready.appendleft(handle)
        return handle

    def _timer_handle_cancelled(self, handle: DurableTimerHandle) -> None:
        if handle.command_id:  # else it was due at once, and never a command
            self.executor.timers.cancel(handle.command_id)

    def create_future(self) -> WorkflowFuture:
        """Return a new future that hashes by its number."""
        return WorkflowFuture(loop=self, number=self.next_number())

    def next_number(self) -> int:
        """Return the number of a future or task that is made now."""
        self._created += 1
        return self._created

    def create_task(
        self,
        coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
        **kwargs: Any,
    ) -> asyncio.Task[Any]:
        """Return a new task that hashes by its number."""
        if stdlib.is_called_by_unordered_as_completed():
            coro.close()
            self._refuse(
                "as_completed as it was imported from asyncio by name",
                "it starts coroutines in the order of their addresses; "
                "import asyncio and call asyncio.as_completed(…)",
            )
        if self._task_factory is None:
            task: asyncio.Task[Any] = WorkflowTask(
                coro, loop=self, number=self.next_number(), name=name, context=context
            )
        elif context is None:
            task = self._task_factory(self, coro, **kwargs)
        else:
            task = self._task_factory(self, coro, context=context, **kwargs)
        if self._task_factory is not None and name is not None:
            task.set_name(name)
        # Only the end of the whole executor can destroy a pending task: nothing to warn of.
        setattr(task, "_log_destroy_pending", False)  # noqa: B010 - typeshed lacks it
        self.tasks.add(task)
        return task

    def get_task_factory(self) -> Any:
        """Return the factory that was set, if any."""
        return self._task_factory

    def set_task_factory(self, factory: Any) -> None:
        """Set a task factory; agent frameworks do so to follow their child tasks."""
        self._task_factory = factory

    def get_debug(self) -> bool:
        """Return ``False``: asyncio's debug mode reads clocks."""
        return False

    def set_debug(self, enabled: bool) -> None:
        """Do nothing: asyncio's debug mode reads clocks."""

    def is_running(self) -> bool:
        """Return whether code of this workflow runs now in this thread."""
        return _get_running_loop() is self

    def is_closed(self) -> bool:
        """Return ``False``: the executor decides when the code ends."""
        return False

    def get_exception_handler(self) -> None:
        """Return ``None``: errors are logged."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Log an error that no code of the workflow has taken, once and not in a replay."""
        if self.is_tearing_down or self.executor.is_replaying:
            return
        error = context.get("exception")
        _logger.error(
            "%s",
            context.get("message", "unhandled error in a workflow"),
            exc_info=error if isinstance(error, BaseException) else None,
            extra={"instance_id": self.executor.instance_id},
        )

    default_exception_handler = call_exception_handler

    async def shutdown_asyncgens(self) -> None:
        """Do nothing: generators are closed when the instance is torn down."""

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Do nothing: there is no executor."""

    # -- what a workflow must not do
    # ------------------------------------------------------------------

    def run_in_executor(  # type: ignore[override]  # asyncio gives any awaitable
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Refuse, as threads cannot be replayed; or run it here, where a framework asked for that.

        See ``perdure.framework.run_threads_inline``.
        """
        if self.runs_threads_inline:
            return self._run_inline(func, args)
        return self._refuse_thread(func)

    def _refuse_thread(self, func: Callable[..., Any]) -> NoReturn:
        if isinstance(func, functools.partial) and func.args and callable(func.args[0]):
            func = func.args[0]  # asyncio.to_thread wraps it in a call of Context.run
        name = getattr(func, "__qualname__", repr(func))
        self._refuse(f"running {name} in a thread", "make it an activity (@app.activity def …)")

    def _run_inline(self, func: Callable[..., Any], args: tuple[Any, ...]) -> asyncio.Future[Any]:
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except ForbiddenInWorkflowError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the function raises is its caller's
            future.set_exception(error)
        return future

    def _refuse(self, what: str, remedy: str) -> NoReturn:
        error = ForbiddenInWorkflowError(what=what, remedy=remedy)
        self.executor.fail_with(error)
        raise error


def _is_done(task: asyncio.Task[Any]) -> bool:
    return task.done()


def _is_exhausted(begun: _Generator) -> bool:
    return begun[0].ag_frame is None


def _leave_to_teardown(generator: AsyncGenerator[Any, Any]) -> None:
    """Do nothing when the collector finds a generator: when it does so cannot be replayed."""


def _forbidden(name: str) -> Callable[..., NoReturn]:
    def refuse(self: WorkflowLoop, *_args: object, **_kwargs: object) -> NoReturn:
        self._refuse(f"loop.{name}", "do I/O in an activity")

    refuse.__name__ = name
    return refuse


_OUTSIDE = (
    "create_",
    "add_",
    "remove_",
    "sock_",
    "connect_",
    "subprocess_",
    "start_",
    "sendfile",
    "getaddrinfo",
    "getnameinfo",
)
for _name in vars(asyncio.AbstractEventLoop):
    if _name not in vars(WorkflowLoop) and (
        _name.startswith(_OUTSIDE)
        or _name in ("run_forever", "run_until_complete", "stop", "close")
    ):
        setattr(WorkflowLoop, _name, _forbidden(_name))
