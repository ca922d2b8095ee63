"""Runs attempts of activities: converts, limits how many run at once, enforces the timeout.

Whatever an activity does (raise ``SystemExit``, cancel itself, raise what cannot be printed), the
attempt ends in an outcome. Only when the caller cancels is there none.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from perdure._runner.current import Attempt, enter_attempt
from perdure._runner.slots import Slots
from perdure._runner.threads import ThreadPool
from perdure.errors import ActivityTimeoutError
from perdure.spi.program import ActivityOutcome
from perdure.types import Failure, type_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure.payloads import ParameterConverter, ValueConverter
    from perdure.spi.program import ActivityTask

MAX_ASYNC_ACTIVITIES = 1_000
MAX_THREADS = 64

_GRACE_SECONDS = 5.0
_TIMEOUT_TYPE = type_name(ActivityTimeoutError)
_TIMEOUT_BASES = tuple(
    type_name(base) for base in ActivityTimeoutError.__mro__[1:] if issubclass(base, BaseException)
)
_EXPIRED: Final = ActivityOutcome()

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityCode:
    """A function to run as an activity, and how its arguments and its result are converted."""

    function: Callable[..., Any]
    is_async: bool
    parameters: ParameterConverter
    result: ValueConverter


class ActivityRunner:
    """Runs attempts: ``async def`` on the event loop where it is used, ``def`` in threads."""

    def __init__(
        self,
        *,
        now_us: Callable[[], int],
        max_async: int = MAX_ASYNC_ACTIVITIES,
        max_threads: int = MAX_THREADS,
        grace_seconds: float = _GRACE_SECONDS,
    ) -> None:
        """Set the limits.

        Args:
            now_us: What tells an attempt when it began.
            max_async: How many ``async def`` activities run at once; more wait their turn.
            max_threads: How many ``def`` activities run at once.
            grace_seconds: How long a cancelled ``async def`` may clean up before it is left alone.

        Raises:
            ValueError: A limit is below 1.
        """
        self._now_us = now_us
        self._async_slots = Slots(max_async)
        self._thread_slots = Slots(max_threads)
        self._grace_seconds = grace_seconds
        self._threads = ThreadPool()
        self._stragglers: set[asyncio.Task[None]] = set()

    async def run(self, code: ActivityCode, task: ActivityTask) -> ActivityOutcome:
        """Run one attempt to its end. Its timeout counts from when it has a place to run.

        Raises:
            asyncio.CancelledError: The caller cancelled; the attempt is given up.
        """
        slots = self._async_slots if code.is_async else self._thread_slots
        if not slots.try_take():
            await slots.take()
        try:
            if code.is_async:
                return await self._run_on_loop(code, task)
            return await self._run_in_thread(code, task)
        finally:
            slots.give_back()

    def close(self) -> None:
        """Give up what still runs in threads and let idle threads end. Returns at once."""
        self._threads.close()

    async def _run_in_thread(self, code: ActivityCode, task: ActivityTask) -> ActivityOutcome:
        attempt = Attempt(task, started_us=self._now_us())
        call = self._threads.run(lambda: _attempt_in_thread(code, task, attempt))
        limit_us = task.scheduled.timeout_us
        if limit_us is None:
            outcome: ActivityOutcome = await call
            return outcome
        try:
            async with asyncio.timeout(limit_us / 1_000_000) as limit:
                outcome = await call
        except TimeoutError:
            if not limit.expired():
                raise
            self._warn(task, "thread", self._threads.abandoned)
            return _timed_out(task)
        return outcome

    async def _run_on_loop(self, code: ActivityCode, task: ActivityTask) -> ActivityOutcome:
        # A task of its own, so that cancelling by the caller, by the timeout and by the activity's
        # own code cannot be mistaken for one another.
        loop = asyncio.get_running_loop()
        done: asyncio.Future[ActivityOutcome] = loop.create_future()
        attempt = Attempt(task, started_us=self._now_us())
        child = loop.create_task(_attempt_on_loop(code, task, attempt, done))
        limit_us = task.scheduled.timeout_us
        timer = None if limit_us is None else loop.call_later(limit_us / 1_000_000, _expire, done)
        try:
            outcome = await done
        except asyncio.CancelledError:
            await self._stop(child, task)
            raise
        finally:
            if timer is not None:
                timer.cancel()
        if outcome is _EXPIRED:
            await self._stop(child, task)
            return _timed_out(task)
        return outcome

    async def _stop(self, child: asyncio.Task[None], task: ActivityTask) -> None:
        """Cancel an attempt and give it some time to clean up; then leave it to itself."""
        child.cancel()
        self._stragglers.add(child)
        child.add_done_callback(self._stragglers.discard)
        _, pending = await asyncio.wait((child,), timeout=self._grace_seconds)
        if pending:
            self._warn(task, "task", len(self._stragglers))

    def _warn(self, task: ActivityTask, kind: str, count: int) -> None:
        _logger.warning(
            "activity %r, attempt %d, was given up, but its %s runs on; there are %d such",
            task.scheduled.name,
            task.scheduled.attempt,
            kind,
            count,
            extra={"instance_id": task.instance_id},
        )


async def _attempt_on_loop(
    code: ActivityCode,
    task: ActivityTask,
    attempt: Attempt,
    done: asyncio.Future[ActivityOutcome],
) -> None:
    enter_attempt(attempt)
    try:
        args, kwargs = code.parameters.decode(task.scheduled.arguments)
        value = await code.function(*args, **kwargs)
        outcome = ActivityOutcome(result=code.result.encode(value))
    except BaseException as err:  # noqa: BLE001 - also SystemExit, which would stop the event loop
        outcome = ActivityOutcome(failure=_describe(err))
    # A coroutine that is thrown away together with its loop comes here too, with a GeneratorExit.
    if not done.done() and not done.get_loop().is_closed():
        done.set_result(outcome)


def _attempt_in_thread(code: ActivityCode, task: ActivityTask, attempt: Attempt) -> ActivityOutcome:
    enter_attempt(attempt)
    try:
        args, kwargs = code.parameters.decode(task.scheduled.arguments)
        value = code.function(*args, **kwargs)
        if inspect.iscoroutine(value):
            value.close()
            raise TypeError(
                f"activity {task.scheduled.name!r} is a def that returned a coroutine, so a "
                "decorator hides an async def; make the decorator's wrapper async def"
            )
        return ActivityOutcome(result=code.result.encode(value))
    except BaseException as err:  # noqa: BLE001 - a thread must always report
        return ActivityOutcome(failure=_describe(err))


def _expire(done: asyncio.Future[ActivityOutcome]) -> None:
    if not done.done():
        done.set_result(_EXPIRED)


def _describe(error: BaseException) -> Failure:
    frames = error.__traceback__
    if frames is not None and frames.tb_next is not None:
        error.__traceback__ = frames.tb_next  # ours says nothing
    try:
        return Failure.from_exception(error)
    except BaseException:  # noqa: BLE001 - a class of the user's that raises whatever is asked of it
        return Failure(type=type_name(type(error)), message="<it cannot be described>")


def _timed_out(task: ActivityTask) -> ActivityOutcome:
    scheduled = task.scheduled
    seconds = (scheduled.timeout_us or 0) / 1_000_000
    message = (
        f"attempt {scheduled.attempt} of activity {scheduled.name!r} did not end "
        f"within its timeout of {seconds:g} s"
    )
    failure = Failure(type=_TIMEOUT_TYPE, message=message, bases=_TIMEOUT_BASES)
    return ActivityOutcome(failure=failure)
