"""Handles: one workflow instance, as a client sees it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from perdure._checks import check_timeout
from perdure.errors import (
    InstanceFinishedError,
    WorkflowCancelledError,
    WorkflowFailedError,
    WorkflowStalledError,
    WorkflowTerminatedError,
)
from perdure.event_types import EventType
from perdure.spi.history import CANCEL_EVENT
from perdure.types import Failure, Status

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from datetime import timedelta

    from perdure._link import Link
    from perdure.payloads import ValueConverter
    from perdure.spi.history import HistoryEvent
    from perdure.types import InstanceInfo
    from perdure.workflow import Workflow

R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")


class WorkflowHandle(Generic[R_co]):
    """One workflow instance, which need not exist: only a call of a method finds out.

    Every method but ``wait`` and ``result`` raises ``TimeoutError`` if the backend does not answer
    within the client's deadline.

    Attributes:
        instance_id: The instance's id.
    """

    def __init__(
        self, link: Link, instance_id: str, *, workflow: Workflow[..., R_co] | None = None
    ) -> None:
        self.instance_id = instance_id
        self._link = link
        self._workflow = workflow

    def __repr__(self) -> str:
        return f"<handle of workflow instance {self.instance_id!r}>"

    async def result(self, *, timeout: timedelta | None = None) -> R_co:
        """Wait for the end of the instance and return what the workflow returned.

        Raises:
            InstanceNotFoundError: There is no such instance.
            PayloadError: The result does not fit the type that the workflow declares.
            TimeoutError: It has not ended within ``timeout``.
            WorkflowCancelledError: It ended because it was asked to cancel.
            WorkflowFailedError: It raised.
            WorkflowStalledError: It cannot go on until a worker with fitting code starts.
            WorkflowTerminatedError: It was ended by force.
        """
        info = await self._wait("result", timeout)
        if info.status is not Status.COMPLETED:
            raise _outcome_error(info)
        result: R_co = self._converter().decode(
            "null" if info.output_json is None else info.output_json
        )
        return result

    async def wait(self, *, timeout: timedelta | None = None) -> InstanceInfo:
        """Wait until the instance has ended in whatever way, or has stalled, and return its state.

        Raises:
            InstanceNotFoundError: There is no such instance.
            TimeoutError: Neither happened within ``timeout``.
        """
        return await self._wait("wait", timeout)

    async def info(self) -> InstanceInfo:
        """Return what the backend knows of the instance.

        Raises:
            InstanceNotFoundError: There is no such instance.
        """
        return await self._call("info", self._link.backend.get(self.instance_id))

    @overload
    async def raise_event(self, event: EventType[T], value: T, /) -> None: ...
    @overload
    async def raise_event(self, event: str, value: Any = ..., /) -> None: ...
    async def raise_event(self, event: EventType[Any] | str, value: Any = None, /) -> None:
        """Deliver an event to the instance; it is durable when this returns.

        Raises:
            InstanceFinishedError: The instance has ended.
            InstanceNotFoundError: There is no such instance.
            InvalidNameError: No backend can take the event's name.
            PayloadError: ``value`` is not of the event's type, or cannot be stored.
        """
        kind = event if isinstance(event, EventType) else EventType[Any](event)
        payload = kind.encode(value)
        backend = self._link.backend
        await self._call("raise_event", backend.raise_event(self.instance_id, kind.name, payload))

    async def cancel(self) -> None:
        """Ask the workflow to end: it gets ``CancelledError`` where it waits, and may clean up.

        Raises:
            InstanceFinishedError: The instance has ended.
            InstanceNotFoundError: There is no such instance.
        """
        backend = self._link.backend
        try:
            await self._call("cancel", backend.raise_event(self.instance_id, CANCEL_EVENT, "null"))
        except InstanceFinishedError as error:
            raise InstanceFinishedError(
                instance_id=self.instance_id, status=error.status, action="cancel"
            ) from error

    async def suspend(self, *, reason: str = "") -> None:
        """Put the instance on hold until :meth:`resume`; what arrives meanwhile is kept.

        Raises:
            CapabilityNotSupportedError: The backend cannot.
            InstanceFinishedError: The instance has ended.
            InstanceNotFoundError: There is no such instance.
        """
        await self._call("suspend", self._link.backend.suspend(self.instance_id, reason=reason))

    async def resume(self, *, reason: str = "") -> None:
        """Lift the hold. Raises as :meth:`suspend`."""
        await self._call("resume", self._link.backend.resume(self.instance_id, reason=reason))

    async def terminate(self, *, reason: str = "") -> None:
        """End the instance by force, its code unasked; a finished one stays as it is.

        Raises:
            InstanceNotFoundError: There is no such instance.
        """
        await self._call("terminate", self._link.backend.terminate(self.instance_id, reason=reason))

    async def restart(self) -> InstanceInfo:
        """Run the finished instance again from the beginning, with the same input, as a new run.

        Raises:
            CapabilityNotSupportedError: The backend cannot.
            InstanceActiveError: It has not ended.
            InstanceNotFoundError: There is no such instance.
        """
        backend = self._link.backend
        return await self._call("restart", backend.restart(self.instance_id, from_command=None))

    async def rerun(self, *, from_command: int) -> InstanceInfo:
        """Run the finished instance again from one of its commands on; what came before is kept.

        Args:
            from_command: The id of the command, as the history shows it.

        Raises:
            CapabilityNotSupportedError: The backend cannot.
            InstanceActiveError: It has not ended.
            InstanceNotFoundError: There is no such instance.
            ValueError: The history holds no such command.
        """
        backend = self._link.backend
        again = backend.restart(self.instance_id, from_command=from_command)
        return await self._call("rerun", again)

    async def purge(self) -> None:
        """Delete all state of the finished instance.

        Raises:
            InstanceActiveError: It has not ended.
            InstanceNotFoundError: There is no such instance.
        """
        await self._call("purge", self._link.backend.purge(self.instance_id))

    async def history(self, *, run_id: str | None = None) -> Sequence[HistoryEvent]:
        """Return the history of a run, the present one unless ``run_id`` names another.

        Raises:
            CapabilityNotSupportedError: The backend cannot.
            InstanceNotFoundError: There is no such instance, or no such run.
        """
        return await self._call(
            "history", self._link.backend.history(self.instance_id, run_id=run_id)
        )

    async def _wait(self, action: str, timeout: timedelta | None) -> InstanceInfo:
        check_timeout(timeout, may_be_zero=True)
        return await self._link.wait(self.instance_id, action=action, timeout=timeout)

    async def _call(self, action: str, coroutine: Coroutine[Any, Any, T]) -> T:
        return await self._link.call(coroutine, action=action, instance_id=self.instance_id)

    def _converter(self) -> ValueConverter:
        if self._workflow is not None:
            return self._workflow.code.result
        from perdure.payloads import ValueConverter

        return ValueConverter(Any, what=f"result of workflow instance {self.instance_id!r}")


def _outcome_error(info: InstanceInfo) -> Exception:
    """Return the error that stands for an end other than a result."""
    if info.status is Status.TERMINATED:
        return WorkflowTerminatedError(instance_id=info.instance_id, reason=info.reason or "")
    if info.status is not Status.FAILED:
        reason = info.reason or f"its status is {info.status}."
        return WorkflowStalledError(instance_id=info.instance_id, reason=reason)
    failure = info.failure or Failure(type="UnknownError", message=info.reason or "")
    kind = WorkflowFailedError
    if failure.matches(asyncio.CancelledError):
        kind = WorkflowCancelledError
    return kind(instance_id=info.instance_id, failure=failure)
