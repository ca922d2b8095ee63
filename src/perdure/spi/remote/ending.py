"""Ending by force: an instance, the children tied to it, and the word to a parent."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Final

from perdure.errors import InstanceNotFoundError, PayloadError, WorkflowTerminatedError
from perdure.spi.bridge import START_CHILD, VendorKind, decode_start, encode_child_answer
from perdure.types import Failure, Status, type_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perdure.spi.bridge import Errands, StartEnvelope, VendorEvent
    from perdure.spi.remote.server import RemoteServer
    from perdure.spi.remote.state import VendorState

_AT_ONCE: Final = 16


class Terminator:
    """Terminates instances.

    A vendor's own recursive form takes along all children, so each is ended by itself. The end of
    an instance is durable first: a second call ends the children that a first one had not come to.
    """

    def __init__(self, server: RemoteServer, errands: Errands) -> None:
        self._server = server
        self._errands = errands
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def terminate(self, instance_id: str, *, reason: str) -> None:
        """End an instance by force, unless it has ended; then the children that are tied to it.

        Raises:
            InstanceNotFoundError: There is none.
            BackendUnavailableError: It is not known whether it will end.
        """
        # Held for one instance alone: were it held while children are ended, a tree that is wider
        # or deeper than there are places would wait for itself.
        async with self._places:
            state = await self._ended(instance_id, reason)
        if state.status in {Status.COMPLETED, Status.FAILED}:
            return  # its worker sees to its children
        start = state.start
        if start is not None and start.is_detached and start.parent is not None:
            await self._tell_parent(instance_id, start, reason)
        await self._end_children(instance_id)

    async def _ended(self, instance_id: str, reason: str) -> VendorState:
        state = await self._server.state(instance_id)
        if state is None:
            raise InstanceNotFoundError(instance_id=instance_id)
        if state.status.is_terminal:
            return state
        await self._server.terminate(instance_id, text=json.dumps(reason))
        return await self._server.state(instance_id) or state

    async def _tell_parent(self, instance_id: str, start: StartEnvelope, reason: str) -> None:
        assert start.parent is not None
        error = WorkflowTerminatedError(instance_id=instance_id, reason=reason)
        failure = Failure(type=type_name(type(error)), message=reason or str(error))
        answer = encode_child_answer(start.parent, failure=failure)
        await self._errands.answer_parent(start.parent.instance_id, answer)

    async def _end_children(self, instance_id: str) -> None:
        try:
            async with self._places:
                events = await self._server.events(instance_id)
        except InstanceNotFoundError:
            return
        reason = f"its parent {instance_id!r} was terminated"
        await asyncio.gather(*(self._end_child(child, reason) for child in tied_children(events)))

    async def _end_child(self, instance_id: str, reason: str) -> None:
        with contextlib.suppress(InstanceNotFoundError):
            await self.terminate(instance_id, reason=reason)


def tied_children(events: Iterable[VendorEvent]) -> list[str]:
    """Return the ids of the children that end with the instance and have not ended, by history."""
    children: dict[int, str] = {}
    for event in events:
        if event.kind is VendorKind.CHILD_CREATED:
            if _is_tied(_decoded(event.payload)):
                children[event.id] = event.instance_id
        elif event.kind is VendorKind.ACTIVITY_SCHEDULED and event.name == START_CHILD:
            request = _decoded(event.payload)
            if isinstance(request, dict) and _is_tied(request.get("start")):
                children[event.id] = str(request["instance_id"])
        elif event.kind in (VendorKind.CHILD_COMPLETED, VendorKind.CHILD_FAILED):
            children.pop(event.id, None)
    return list(children.values())


def _is_tied(value: object) -> bool:
    try:
        start = decode_start(value)
    except PayloadError:
        return False
    return start is not None and start.on_parent_end == "terminate"


def _decoded(text: str | None) -> object:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None
