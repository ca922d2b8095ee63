"""The backend: what clients ask, where the answers do not depend on whose server it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from perdure.errors import InstanceNotFoundError
from perdure.spi.backend import Backend, Capability, check_active, check_declared
from perdure.spi.remote.attempts import ClosedError
from perdure.spi.remote.journals import journal_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from perdure.spi.backend import InstanceFilter, InstancePage, StartRequest
    from perdure.spi.history import HistoryEvent
    from perdure.spi.remote.ending import Terminator
    from perdure.spi.remote.listing import Lister
    from perdure.spi.remote.raising import EventRaiser
    from perdure.spi.remote.revival import Reviver
    from perdure.spi.remote.server import RemoteServer
    from perdure.types import InstanceInfo

# Continue-as-new deletes a vendor's history of the run before.
_CAPABILITIES: Final = frozenset(Capability) - {Capability.HISTORY_ACROSS_RUNS}


class Starts(Protocol):
    """What starts instances."""

    async def start(self, request: StartRequest) -> InstanceInfo:
        """Start an instance as :meth:`perdure.spi.Backend.start` has it."""


class Waits(Protocol):
    """What waits for instances."""

    async def wait(self, instance_id: str, *, timeout: timedelta | None) -> InstanceInfo:
        """Wait for an instance as :meth:`perdure.spi.Backend.wait` has it."""


class RemoteParts(Protocol):
    """What an open backend is made of."""

    @property
    def server(self) -> RemoteServer:
        """The vendor's server."""

    @property
    def starter(self) -> Starts:
        """What starts instances."""

    @property
    def waiter(self) -> Waits:
        """What waits for instances."""

    @property
    def lister(self) -> Lister:
        """What lists instances."""

    @property
    def raiser(self) -> EventRaiser:
        """What raises events."""

    @property
    def terminator(self) -> Terminator:
        """What ends instances by force."""

    @property
    def reviver(self) -> Reviver:
        """What runs finished instances again."""

    async def close(self) -> None:
        """Let go of everything. May be called twice."""


P = TypeVar("P", bound=RemoteParts)


class RemoteBackend(Backend, Generic[P]):
    """A hub on a vendor's server; see :class:`perdure.spi.Backend` for what it promises.

    Attributes:
        parts: What it is made of while it is open, to be set by ``open``.
    """

    parts: P | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        """All but the history of runs that continue-as-new has ended."""
        return _CAPABILITIES

    @property
    def opened(self) -> P:
        """What it is made of.

        Raises:
            ClosedError: It is not open.
        """
        if self.parts is None:
            raise ClosedError(backend=self.name)
        return self.parts

    async def close(self) -> None:
        """Disconnect."""
        parts, self.parts = self.parts, None
        if parts is not None:
            await parts.close()

    async def start(self, request: StartRequest) -> InstanceInfo:
        """Start an instance."""
        check_declared(self, request)
        return await self.opened.starter.start(request)

    async def wait(self, instance_id: str, *, timeout: timedelta | None) -> InstanceInfo:
        """Return once the instance is terminal or stalled."""
        return await self.opened.waiter.wait(instance_id, timeout=timeout)

    async def raise_event(self, instance_id: str, name: str, payload: str) -> None:
        """Deliver an event."""
        check_active(await self.existing(instance_id), action="raise an event for")
        await self.opened.raiser.raise_event(instance_id, name=name, payload=payload)

    async def terminate(self, instance_id: str, *, reason: str) -> None:
        """End an instance by force, and the children tied to it."""
        await self.opened.terminator.terminate(instance_id, reason=reason)

    async def restart(self, instance_id: str, *, from_command: int | None) -> InstanceInfo:
        """Run a finished instance again."""
        return await self.opened.reviver.restart(instance_id, from_command=from_command)

    async def query(
        self, filter: InstanceFilter, *, page_size: int, token: str | None
    ) -> InstancePage:
        """Return one page of instances."""
        return await self.opened.lister.query(filter, page_size=page_size, token=token)

    async def history(
        self, instance_id: str, *, run_id: str | None = None
    ) -> Sequence[HistoryEvent]:
        """Return the journal of the current run."""
        info = await self.existing(instance_id)
        if run_id is not None and run_id != info.run_id:
            return await super().history(instance_id, run_id=run_id)
        return await journal_of(self.opened.server, instance_id)

    async def existing(self, instance_id: str) -> InstanceInfo:
        """Return what clients are shown of an instance.

        Raises:
            InstanceNotFoundError: There is none.
        """
        info = await self.opened.server.find(instance_id)
        if info is None:
            raise InstanceNotFoundError(instance_id=instance_id)
        return info
