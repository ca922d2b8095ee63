"""Ending by force: an instance, the children tied to it, and the word to a parent."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any, Final

from perdure.errors import InstanceNotFoundError, PayloadError, WorkflowTerminatedError
from perdure.spi.bridge import START_CHILD, decode_start, encode_child_answer
from perdure.types import Failure, Status, type_name
from perdure_dapr.faults import StalledError
from perdure_dapr.mapping import start_of, status_of

if TYPE_CHECKING:
    from perdure.spi.bridge import StartEnvelope
    from perdure_dapr.errands import DaprErrands
    from perdure_dapr.hosting import Hosting
    from perdure_dapr.journals import Journals
    from perdure_dapr.sidecar import Sidecar

_AT_ONCE: Final = 16


class Terminator:
    """Terminates instances.

    Dapr's own recursive form takes along all children, so each is ended by itself. The end of an
    instance is durable first: a second call ends the children that a first one had not come to.
    """

    def __init__(
        self, sidecar: Sidecar, hosting: Hosting, journals: Journals, errands: DaprErrands
    ) -> None:
        self._sidecar = sidecar
        self._hosting = hosting
        self._journals = journals
        self._errands = errands
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def terminate(self, instance_id: str, *, reason: str) -> None:
        """End an instance by force, unless it has ended; then the children that are tied to it.

        Raises:
            InstanceNotFoundError: There is none.
            BackendUnavailableError: It is not known whether it will end.
        """
        state = await self._sidecar.state(instance_id)
        if state is None:
            raise InstanceNotFoundError(instance_id=instance_id)
        if not status_of(state).is_terminal:
            await self._terminate_one(instance_id, reason)
            state = await self._sidecar.state(instance_id) or state
        if status_of(state) in {Status.COMPLETED, Status.FAILED}:
            return  # its worker sees to its children
        start = start_of(state)
        if start is not None and start.is_detached and start.parent is not None:
            await self._tell_parent(instance_id, start, reason)
        await self._end_children(instance_id)

    async def _terminate_one(self, instance_id: str, reason: str) -> None:
        text = json.dumps(reason)

        def is_told(event: Any) -> bool:
            return bool(event.HasField("executionTerminated"))

        try:
            await self._hosting.perform(
                instance_id,
                lambda: self._sidecar.terminate(instance_id, text=text),
                sight=is_told,
            )
        except StalledError as error:
            raise await self._journals.stalled(instance_id) from error

    async def _tell_parent(self, instance_id: str, start: StartEnvelope, reason: str) -> None:
        assert start.parent is not None
        error = WorkflowTerminatedError(instance_id=instance_id, reason=reason)
        failure = Failure(type=type_name(type(error)), message=reason or str(error))
        answer = encode_child_answer(start.parent, failure=failure)
        await self._errands.answer_parent(start.parent.instance_id, answer)

    async def _end_children(self, instance_id: str) -> None:
        try:
            events = await self._sidecar.events(instance_id)
        except InstanceNotFoundError:
            return
        reason = f"its parent {instance_id!r} was terminated"
        await asyncio.gather(*(self._end_child(child, reason) for child in tied_children(events)))

    async def _end_child(self, instance_id: str, reason: str) -> None:
        async with self._places:
            with contextlib.suppress(InstanceNotFoundError):
                await self.terminate(instance_id, reason=reason)


def tied_children(events: list[Any]) -> list[str]:
    """Return the ids of the children that end with the instance and have not ended, by history."""
    children: dict[int, str] = {}
    for event in events:
        kind = event.WhichOneof("eventType")
        if kind == "childWorkflowInstanceCreated":
            created = event.childWorkflowInstanceCreated
            if _is_tied(_decoded(created.input.value)):
                children[event.eventId] = created.instanceId
        elif kind == "taskScheduled" and event.taskScheduled.name == START_CHILD:
            request = _decoded(event.taskScheduled.input.value)
            if isinstance(request, dict) and _is_tied(request.get("start")):
                children[event.eventId] = str(request["instance_id"])
        elif kind in {"childWorkflowInstanceCompleted", "childWorkflowInstanceFailed"}:
            children.pop(getattr(event, kind).taskScheduledId, None)
    return list(children.values())


def _is_tied(value: object) -> bool:
    try:
        start = decode_start(value)
    except PayloadError:
        return False
    return start is not None and start.on_parent_end == "terminate"


def _decoded(text: str) -> object:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None
