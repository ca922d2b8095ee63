"""The parts of an open backend, and how they hang together."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from perdure.spi.remote import BackendErrands, EventRaiser, Reviver, Terminator
from perdure_azure.connection import Connection
from perdure_azure.foreign_payloads import open_foreign_payloads
from perdure_azure.listing import AzureLister
from perdure_azure.scheduler import Scheduler
from perdure_azure.server import AzureServer
from perdure_azure.starting import Starter
from perdure_azure.tokens import Tokens
from perdure_azure.waiting import Waiter

if TYPE_CHECKING:
    from perdure.clock import Clock
    from perdure_azure.address import Address
    from perdure_azure.backend import AzureBackend


class Parts:
    """What an open backend is made of.

    Attributes:
        address: The scheduler and its hub.
        clock: What tells the time.
        hub_key: What tells the hub from any other of any scheduler, as a name of a folder.
    """

    def __init__(self, address: Address, *, clock: Clock, errands_of: AzureBackend) -> None:
        self.address = address
        self.clock = clock
        digest = hashlib.sha256(address.target.encode()).hexdigest()[:8]
        self.hub_key = f"{address.hub}-{digest}"
        self.tokens = Tokens(address.authentication, audience=address.audience)
        self.foreign = open_foreign_payloads(credential=self.tokens.for_other_services())
        self.connection = Connection(address, self.tokens)
        self.scheduler = Scheduler(self.connection, self.foreign)
        self.starter = Starter(self.scheduler, clock=clock)
        self.waiter = Waiter(self.scheduler, self.starter, self.foreign, clock=clock)
        self.lister = AzureLister(self.scheduler, clock=clock)
        self.server = AzureServer(self.scheduler, self.starter)
        self.raiser = EventRaiser(self.server)
        self.errands = BackendErrands(errands_of, self.server)
        self.terminator = Terminator(self.server, self.errands)
        self.reviver = Reviver(self.server, clock=clock)

    async def close(self) -> None:
        """Let go of everything. May be called twice."""
        await self.connection.close()
        self.foreign.close()
        self.tokens.close()
