"""The connection to a scheduler: one channel, a deadline on every call, errors of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import grpc

from perdure.spi.remote.calls import Calls
from perdure_azure import sdk
from perdure_azure.faults import NAME, RefusedTokenError, ThrottledError, translate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure_azure.address import Address
    from perdure_azure.tokens import Tokens

HUB_HEADER: Final = "taskhub"
AGENT_HEADER: Final = "x-user-agent"
TOKEN_HEADER: Final = "authorization"
WORKER_HEADER: Final = "workerid"

_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 2.0
_MOST_RENEWALS: Final = 3
# Calls that are refused at the same time share the new token.
_RENEWAL_PAUSE_SECONDS: Final = 0.2
# A client's deadline is shorter, as a rule; a worker's answers are sent again after it.
_THROTTLED_SECONDS: Final = 60.0


class Connection(Calls):
    """A connection to one hub of one scheduler, of the event loop that it was opened on."""

    def __init__(self, address: Address, tokens: Tokens, *, worker_id: str = "") -> None:
        credentials = grpc.ssl_channel_credentials() if address.is_secure else None
        super().__init__(backend=NAME, target=address.target, credentials=credentials)
        self.address = address
        self._tokens = tokens
        self._plain = [(HUB_HEADER, address.hub), (AGENT_HEADER, sdk.user_agent())]
        if worker_id:
            self._plain.append((WORKER_HEADER, worker_id))

    def stubs_on(self, channel: grpc.aio.Channel) -> Sequence[Any]:
        """Return the scheduler's stub."""
        return (sdk.scheduler_stub(channel),)

    async def metadata(self) -> Sequence[tuple[str, str]]:
        """Return the hub, who calls, and a token that is good now.

        Raises:
            AuthenticationFailedError: There is no token to be had.
        """
        header = await self._tokens.header()
        return self._plain if header is None else [*self._plain, (TOKEN_HEADER, header)]

    def metadata_at_hand(self) -> Sequence[tuple[str, str]] | None:
        """Return the same, or None if a token must be waited for. From any thread.

        Raises:
            AuthenticationFailedError: There is no token to be had.
        """
        if self._tokens.is_anonymous:
            return self._plain
        header = self._tokens.header_at_hand()
        return None if header is None else [*self._plain, (TOKEN_HEADER, header)]

    def translate(self, error: grpc.aio.AioRpcError, *, action: str, instance_id: str) -> Exception:
        """Return the error to raise in the place of gRPC's."""
        return translate(
            error,
            address=self.address,
            tokens=self._tokens,
            action=action,
            instance_id=instance_id,
        )

    def seconds_until_repeat(
        self, error: Exception, *, repeats: int, elapsed_seconds: float
    ) -> float | None:
        """Wait out a limit, as the scheduler says, and try a new token."""
        if isinstance(error, ThrottledError) and elapsed_seconds < _THROTTLED_SECONDS:
            # Twice as long as it took so far.
            waited = max(_FIRST_PAUSE_SECONDS, elapsed_seconds)
            return max(error.retry_after_seconds, min(waited, _LONGEST_PAUSE_SECONDS))
        may_renew = repeats < _MOST_RENEWALS and not self._tokens.is_anonymous
        if isinstance(error, RefusedTokenError) and may_renew:
            self._tokens.invalidate()
            return _RENEWAL_PAUSE_SECONDS
        return None
