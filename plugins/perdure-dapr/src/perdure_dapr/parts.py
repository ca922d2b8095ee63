"""The parts of an open backend, and how they hang together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.spi.remote import BackendErrands, EventRaiser, Reviver, Terminator
from perdure.state_folder import state_folder
from perdure_dapr import faults
from perdure_dapr.connection import Connection
from perdure_dapr.hosting import Hosting
from perdure_dapr.journals import Journals
from perdure_dapr.listing import DaprLister
from perdure_dapr.server import DaprServer
from perdure_dapr.sidecar import Sidecar
from perdure_dapr.start_locks import StartLocks
from perdure_dapr.starting import Starter
from perdure_dapr.waiting import Waiter
from perdure_dapr.waking import Waker

if TYPE_CHECKING:
    from perdure.clock import Clock
    from perdure_dapr.address import Address
    from perdure_dapr.backend import DaprBackend


class Parts:
    """What an open backend is made of.

    Attributes:
        address: The sidecar.
        clock: What tells the time.
        app_id: The sidecar's app id, once it is known.
    """

    starter: Starter
    waiter: Waiter
    lister: DaprLister
    reviver: Reviver
    terminator: Terminator
    errands: BackendErrands
    raiser: EventRaiser
    server: DaprServer

    def __init__(self, address: Address, *, clock: Clock) -> None:
        self.address = address
        self.clock = clock
        self.connection = Connection(address)
        self.sidecar = Sidecar(self.connection)
        self.hosting = Hosting(self.sidecar)
        self.journals = Journals(self.sidecar)
        self.waker = Waker(self.sidecar, self.hosting)
        self.app_id = ""

    def use(self, app_id: str, *, errands_of: DaprBackend) -> None:
        """Make what needs to know the app id."""
        self.app_id = app_id
        locks = StartLocks(state_folder() / "locks" / faults.NAME / app_id)
        self.starter = Starter(
            self.sidecar, self.hosting, self.waker, locks=locks, clock=self.clock
        )
        self.waiter = Waiter(self.sidecar, self.hosting, self.starter, self.journals)
        self.lister = DaprLister(self.sidecar, self.starter)
        self.server = DaprServer(
            self.sidecar, self.hosting, self.starter, self.journals, self.waker
        )
        self.raiser = EventRaiser(self.server)
        self.errands = BackendErrands(errands_of, self.server)
        self.terminator = Terminator(self.server, self.errands)
        self.reviver = Reviver(self.server, clock=self.clock)

    async def close(self) -> None:
        """Let go of everything. May be called twice."""
        await self.hosting.close()
        await self.connection.close()
