"""The connection to a sidecar: one channel, a deadline on every call, errors of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import grpc

from perdure.spi.remote.calls import Calls
from perdure_dapr import sdk
from perdure_dapr.faults import NAME, TornReadError, translate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure_dapr.address import Address

TOKEN_HEADER: Final = "dapr-api-token"

# Counted, not timed: of a busy sidecar a single look may take seconds. Together 2.5 s of pauses.
_MOST_LOOKS_AGAIN: Final = 20
_TORN_PAUSE_SECONDS: Final = 0.02
_LONGEST_TORN_PAUSE_SECONDS: Final = 0.15


class Connection(Calls):
    """A connection to one sidecar, of the event loop that it was opened on."""

    def __init__(self, address: Address) -> None:
        credentials = grpc.ssl_channel_credentials() if address.is_secure else None
        super().__init__(backend=NAME, target=address.target, credentials=credentials)
        self.address = address
        self._metadata = ((TOKEN_HEADER, address.token),) if address.token else ()

    def stubs_on(self, channel: grpc.aio.Channel) -> Sequence[Any]:
        """Return the stubs of workflows and of the sidecar's own."""
        return sdk.workflow_stub(channel), sdk.sidecar_stub(channel)

    async def metadata(self) -> Sequence[tuple[str, str]]:
        """Return the token, if there is one."""
        return self._metadata

    def translate(self, error: grpc.aio.AioRpcError, *, action: str, instance_id: str) -> Exception:
        """Return the error to raise in the place of gRPC's."""
        return translate(error, address=self.address, action=action, instance_id=instance_id)

    def seconds_until_repeat(
        self, error: Exception, *, repeats: int, elapsed_seconds: float
    ) -> float | None:
        """Have a torn read made anew, until it is most unlikely that it has met a write again."""
        if not isinstance(error, TornReadError) or repeats >= _MOST_LOOKS_AGAIN:
            return None
        return min((repeats + 1) * _TORN_PAUSE_SECONDS, _LONGEST_TORN_PAUSE_SECONDS)

    def work_items(self) -> Any:
        """Return a stream of work items: whoever reads it counts as a worker."""
        stub = self.stub_of("GetWorkItems")
        self.will_be_cancelled()  # nobody else ends it
        return stub.GetWorkItems(sdk.pb.GetWorkItemsRequest(), metadata=self._metadata or None)
