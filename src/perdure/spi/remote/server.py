"""The server: what the parts of a remote backend need of the vendor's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from perdure.spi.bridge import StartEnvelope, VendorEvent
    from perdure.spi.remote.state import VendorState
    from perdure.spi.values import StartRequest
    from perdure.types import InstanceInfo


class RemoteServer(Protocol):
    """A vendor's server, by a backend. Any method may raise ``BackendUnavailableError``."""

    async def state(self, instance_id: str) -> VendorState | None:
        """Return what is told of an instance, payloads included; ``None`` if there is none."""

    async def find(self, instance_id: str) -> InstanceInfo | None:
        """Return what clients are shown of an instance; ``None`` if there is none."""

    async def events(self, instance_id: str) -> Sequence[VendorEvent]:
        """Return the history of the current run.

        Raises:
            InstanceNotFoundError: There is no such instance.
        """

    async def begin(self, request: StartRequest, start: StartEnvelope) -> InstanceInfo:
        """Start an instance with this input, if ``request`` allows for it.

        One that is there and was started with this very input, or is the child to be started, is
        returned as it is.

        Raises:
            InstanceAlreadyExistsError: As ``if_exists`` has it.
        """

    async def raise_event(self, instance_id: str, *, text: str) -> None:
        """Put an event on perdure's channel of an instance.

        Raises:
            InstanceNotFoundError: There is no such instance.
        """

    async def terminate(self, instance_id: str, *, text: str) -> None:
        """End an instance, and nobody else; ``text`` is the JSON text of the reason."""

    async def wake(self, instance_id: str) -> bool:
        """Have a worker look at an instance; return whether there is one to wake."""

    def unfinished(self) -> AsyncIterator[str]:
        """Return the ids of instances that may be unfinished."""
