"""Activities: where side effects live. Durable in a workflow, a plain call outside one."""

from __future__ import annotations

import abc
import asyncio
import enum
import functools
import inspect
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Self

from perdure._checks import check_choice, check_timeout
from perdure._definition import Definition, P, R_co
from perdure._replay.current import current_executor
from perdure._replay.definition import ActivityCall
from perdure.types import Delivery, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import timedelta

    from perdure.names import FunctionKind


class _Unset(enum.Enum):
    UNSET = enum.auto()


_UNSET: Final = _Unset.UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityOptions:
    """How an activity is run.

    Attributes:
        retry: When a failed attempt is followed by another; by default never.
        timeout: How long each attempt may run; ``None`` is for ever.
        delivery: What happens when a worker dies during an attempt. ``at_least_once``: it runs
            again, under the same idempotency key. ``at_most_once``: it does not, and the workflow
            gets ``ActivityOutcomeUnknownError``. Failures are ``retry``'s business in both.
    """

    retry: RetryPolicy = RetryPolicy.none()  # noqa: RUF009 - frozen, so one for all is fine
    timeout: timedelta | None = None
    delivery: Delivery = "at_least_once"

    def __post_init__(self) -> None:
        if not isinstance(self.retry, RetryPolicy):
            raise TypeError(f"retry is a perdure.RetryPolicy, not {type(self.retry).__name__}")
        check_timeout(self.timeout)
        check_choice("delivery", self.delivery, ("at_least_once", "at_most_once"))


class Activity(Definition[P, R_co]):
    """An activity. Calling it gives a coroutine, also where the function is a plain ``def``.

    In a workflow that coroutine schedules the function on a worker and is durable; anywhere else it
    just runs the function, a plain ``def`` in a thread.

    Attributes:
        name: What it is registered as.
        options: How it is run in a workflow.
    """

    kind: ClassVar[FunctionKind] = "activity"

    def __init__(
        self,
        function: Callable[P, Any],
        *,
        name: str | None = None,
        options: ActivityOptions | None = None,
    ) -> None:
        super().__init__(function, name=name)
        self.options = options or ActivityOptions()

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R_co]:
        """Check the arguments and return the coroutine of the result.

        Raises:
            TypeError: The arguments do not fit the parameters.
        """
        return self._named(self._run(self.code.parameters.bind(args, kwargs), args, kwargs))

    @property
    def local(self) -> Callable[P, Any]:
        """The function as it was written."""
        return self.code.function

    def with_options(
        self,
        *,
        name: str | None = None,
        retry: RetryPolicy | None = None,
        timeout: timedelta | Literal[_Unset.UNSET] | None = _UNSET,
        delivery: Delivery | None = None,
    ) -> Self:
        """Return this activity with other options; what is not given stays as it is.

        Args:
            name: Run the activity that is registered under this name, with these parameters. The
                name is not registered by this.
            retry: The new retry policy; ``RetryPolicy.none()`` for a single attempt.
            timeout: The new limit of each attempt; ``None`` for none.
            delivery: The new promise for an attempt whose worker dies.

        Raises:
            InvalidNameError: Not every backend can take ``name``.
            TypeError: An option is of the wrong type.
            ValueError: An option has a value that cannot be.
        """
        changes: dict[str, Any] = {"retry": retry, "delivery": delivery}
        given = {option: value for option, value in changes.items() if value is not None}
        if timeout is not _UNSET:
            given["timeout"] = timeout
        return self._variant(name=name, options=replace(self.options, **given))

    async def _run(
        self, arguments: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> R_co:
        executor = current_executor()
        if executor is None:
            return await self._run_here(args, kwargs)
        options = self.options
        call = ActivityCall(
            name=self.name,
            encode=functools.partial(self.code.parameters.encode, arguments),
            retry=options.retry,
            timeout=options.timeout,
            delivery=options.delivery,
        )
        result: R_co = self.code.result.decode(await executor.call_activity(call))
        return result

    @abc.abstractmethod
    async def _run_here(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> R_co: ...


class AsyncActivity(Activity[P, R_co]):
    """An activity written as ``async def``; workers run it on an event loop of perdure's own."""

    @property
    def local(self) -> Callable[P, Coroutine[Any, Any, R_co]]:
        """The function as it was written."""
        return self.code.function

    async def _run_here(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> R_co:
        result: R_co = await self.code.function(*args, **kwargs)
        return result


class SyncActivity(Activity[P, R_co]):
    """An activity written as ``def``; workers run it in a thread."""

    @property
    def local(self) -> Callable[P, R_co]:
        """The function as it was written."""
        return self.code.function

    async def _run_here(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> R_co:
        result: R_co = await asyncio.to_thread(
            _call_in_thread, self.name, self.code.function, args, kwargs
        )
        return result


def make_activity(
    function: Callable[P, Any], *, name: str | None = None, options: ActivityOptions | None = None
) -> Activity[P, Any]:
    """Return the activity of ``function``, of the class that fits it.

    Raises:
        TypeError: It cannot be an activity.
        InvalidNameError: Not every backend can take the name.
    """
    kind = AsyncActivity if inspect.iscoroutinefunction(function) else SyncActivity
    return kind(function, name=name, options=options)


def _call_in_thread(
    name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    try:
        result = function(*args, **kwargs)
    except StopIteration as error:
        # A future cannot carry it: before Python 3.12 the caller would wait for ever.
        raise RuntimeError(f"activity {name!r} raised StopIteration") from error
    if inspect.iscoroutine(result):
        result.close()
        raise TypeError(
            f"activity {name!r} is a def that returned a coroutine, as if a decorator hid an "
            "async def; make the decorator's wrapper async def"
        )
    return result
