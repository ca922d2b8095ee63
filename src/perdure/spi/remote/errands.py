"""Errands: what runs have done on other instances."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from perdure.errors import InstanceAlreadyExistsError, InstanceFinishedError, InstanceNotFoundError
from perdure.spi.bridge import CHILD_ANSWER, decode_start
from perdure.spi.values import StartRequest
from perdure.types import Status

if TYPE_CHECKING:
    from perdure.spi.backend import Backend
    from perdure.spi.bridge import ChildRequest
    from perdure.spi.remote.server import RemoteServer


class BackendErrands:
    """See :class:`perdure.spi.bridge.Errands`."""

    def __init__(self, backend: Backend, server: RemoteServer) -> None:
        self._backend = backend
        self._server = server

    async def end_child(self, instance_id: str, *, reason: str) -> None:
        """Terminate a child."""
        with contextlib.suppress(InstanceNotFoundError):
            await self._backend.terminate(instance_id, reason=reason)

    async def start_child(self, child: ChildRequest) -> bool:
        """Start a child that the vendor does not know as one."""
        if child.on_parent_end == "terminate" and await self._is_terminated(
            child.parent.instance_id
        ):
            return True
        start = decode_start(child.start)
        assert start is not None
        request = StartRequest(
            workflow=child.workflow, instance_id=child.instance_id, arguments=start.arguments
        )
        try:
            await self._server.begin(request, start)
        except InstanceAlreadyExistsError:
            return False
        return True

    async def answer_parent(self, instance_id: str, payload: str) -> None:
        """Tell a parent how its child has ended."""
        with contextlib.suppress(InstanceNotFoundError, InstanceFinishedError):
            await self._backend.raise_event(instance_id, CHILD_ANSWER, payload)

    async def _is_terminated(self, instance_id: str) -> bool:
        info = await self._server.find(instance_id)
        return info is None or info.status is Status.TERMINATED
