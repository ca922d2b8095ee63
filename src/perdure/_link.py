"""The link between a client and its backend: every call has a deadline, and says if it passes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from perdure.errors import PerdureError
from perdure.types import Status

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from perdure._payload_backend import PayloadBackend
    from perdure._portal import Caller
    from perdure.clock import Clock
    from perdure.types import InstanceInfo

_T = TypeVar("_T")

DEFAULT_DEADLINE = timedelta(seconds=30)
SWEEP_GRACE = timedelta(minutes=1)
_LOOK_SECONDS = 5.0
_GRACE_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """How one client reaches its backend.

    Attributes:
        deadline: How long any call may take that has no timeout of its own.
    """

    backend: PayloadBackend
    caller: Caller
    clock: Clock
    deadline: timedelta = DEFAULT_DEADLINE

    async def call(
        self, coroutine: Coroutine[Any, Any, _T], *, action: str, instance_id: str | None = None
    ) -> _T:
        """Run a method of the backend; ``action`` is the name of the client's own method.

        Raises:
            TimeoutError: There was no answer within the deadline.
        """
        seconds = self.deadline.total_seconds()
        try:
            return await self.caller(coroutine, timeout_seconds=seconds)
        except TimeoutError as error:
            target = "" if instance_id is None else f" of workflow instance {instance_id!r}"
            raise TimeoutError(
                f"{action}{target}: no answer from backend {self.backend.name!r} within "
                f"{seconds:g} s; it may have been carried out all the same"
            ) from error

    async def wait(
        self, instance_id: str, *, action: str, timeout: timedelta | None
    ) -> InstanceInfo:
        """Wait for the end of an instance, or until it stalls.

        Raises:
            InstanceNotFoundError: There is none.
            TimeoutError: ``timeout`` passed first; it says where the instance stands.
        """
        waiting = self.backend.wait(instance_id, timeout=timeout)
        if timeout is None:
            return await self.caller(waiting, timeout_seconds=None)
        seconds = timeout.total_seconds()
        try:
            # The backend's own timeout comes first, because it can say more.
            return await self.caller(waiting, timeout_seconds=seconds + _GRACE_SECONDS)
        except TimeoutError as error:
            known = str(error) or await self._look(instance_id)
            raise TimeoutError(
                f"{action} of workflow instance {instance_id!r}: it has not ended within "
                f"{seconds:g} s; {known}"
            ) from error

    async def _look(self, instance_id: str) -> str:
        try:
            info = await self.caller(self.backend.get(instance_id), timeout_seconds=_LOOK_SECONDS)
        except (PerdureError, TimeoutError) as error:
            return f"where it stands cannot be told ({error or type(error).__name__})"
        return _describe(info)


def _describe(info: InstanceInfo) -> str:
    words = f"workflow {info.name!r} is {info.status}"
    if info.status is Status.PENDING and info.start_at is not None:
        words += f" until {info.start_at.isoformat(timespec='seconds')}"
    else:
        words += f", last changed at {info.updated_at.isoformat(timespec='seconds')}"
    return words if info.reason is None else f"{words}; {info.reason}"
