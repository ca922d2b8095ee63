"""Typed events: what a client raises and a workflow waits for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from perdure._checks import check_timeout
from perdure._replay.current import require_executor
from perdure.names import check_event_name

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from datetime import timedelta

    from typing_extensions import TypeForm

    from perdure.payloads import ValueConverter

T = TypeVar("T")

# The overloads by type[T] are for type checkers that do not know TypeForm (PEP 747) yet.


class EventType(Generic[T]):
    """The name of an event and the type of what it carries, said once for both sides.

    Attributes:
        name: The event's name.
        value_type: The type of its payload.
    """

    def __init__(self, name: str, value_type: Any = Any) -> None:
        self.name = check_event_name(name)
        self.value_type = value_type
        self._converter: ValueConverter | None = None

    def __repr__(self) -> str:
        return f"<event {self.name!r}>"

    def wait(self, *, timeout: timedelta | None = None) -> Coroutine[Any, Any, T]:
        """Return the coroutine of the next event of this name; the first raised comes first.

        Args:
            timeout: A durable deadline, after which it raises ``TimeoutError`` and consumes
                nothing; zero takes only what has arrived already.

        Raises:
            NotInWorkflowError: No workflow runs here.
            PayloadError: What was raised does not fit the type. (From the coroutine.)
            TimeoutError: (From the coroutine.)
        """
        check_timeout(timeout, may_be_zero=True)
        require_executor(f"waiting for event {self.name!r}")
        return self._next(timeout)

    def encode(self, value: T) -> str:
        """Return ``value`` as it is stored.

        Raises:
            PayloadError: It is not of the type.
        """
        return self._values().encode(value)

    def decode(self, payload: str) -> T:
        """Return the value of a stored payload.

        Raises:
            PayloadError: It does not fit the type.
        """
        value: T = self._values().decode(payload)
        return value

    async def _next(self, timeout: timedelta | None) -> T:
        executor = require_executor(f"waiting for event {self.name!r}")
        if timeout is None:
            return self.decode(await executor.wait_for_event(self.name))
        async with asyncio.timeout(timeout.total_seconds()):
            payload = await executor.wait_for_event(self.name)
        return self.decode(payload)

    def _values(self) -> ValueConverter:
        if self._converter is None:
            from perdure.payloads import ValueConverter

            self._converter = ValueConverter(self.value_type, what=f"event {self.name!r}")
        return self._converter


@overload
def event_type(name: str, value_type: type[T], /) -> EventType[T]: ...
@overload
def event_type(name: str, value_type: TypeForm[T], /) -> EventType[T]: ...
@overload
def event_type(name: str, /) -> EventType[Any]: ...
def event_type(name: str, value_type: Any = Any, /) -> EventType[Any]:
    """Return the typed event of ``name``.

    Raises:
        InvalidNameError: The name is not 1 to 64 of ``a-z 0-9 _ . -``, or is reserved.
    """
    return EventType(name, value_type)


@overload
def wait_for_event(
    name: str, value_type: type[T], /, *, timeout: timedelta | None = None
) -> Coroutine[Any, Any, T]: ...
@overload
def wait_for_event(
    name: str, value_type: TypeForm[T], /, *, timeout: timedelta | None = None
) -> Coroutine[Any, Any, T]: ...
@overload
def wait_for_event(
    name: str, /, *, timeout: timedelta | None = None
) -> Coroutine[Any, Any, Any]: ...
def wait_for_event(
    name: str, value_type: Any = Any, /, *, timeout: timedelta | None = None
) -> Coroutine[Any, Any, Any]:
    """Return the coroutine of the next event of ``name``: ``event_type(…).wait()`` in one.

    Raises:
        InvalidNameError: The name is not 1 to 64 of ``a-z 0-9 _ . -``, or is reserved.
        NotInWorkflowError: No workflow runs here.
        PayloadError: What was raised does not fit the type. (From the coroutine.)
        TimeoutError: ``timeout`` passed first. (From the coroutine.)
    """
    return EventType(name, value_type).wait(timeout=timeout)
