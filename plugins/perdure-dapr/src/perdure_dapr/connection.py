"""The connection to a sidecar: one channel, a deadline on every call, errors of ours."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import TYPE_CHECKING, Any, Final

import grpc

from perdure_dapr import sdk
from perdure_dapr.faults import ClosedError, NoAnswerError, TornReadError, translate

if TYPE_CHECKING:
    from perdure_dapr.address import Address

TOKEN_HEADER: Final = "dapr-api-token"
DEADLINE_SECONDS: Final = 15.0

# A sidecar that is started again is back within a second or two.
PATIENCE_SECONDS: Final = 8.0
_TORN_SECONDS: Final = 2.0
_FIRST_PAUSE_SECONDS: Final = 0.01
_LONGEST_PAUSE_SECONDS: Final = 0.5
_MOST_DOUBLINGS: Final = 10
_MARGIN_SECONDS: Final = 1.0
_CORE_SECONDS: Final = 0.05
CHANNEL_OPTIONS: Final = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # Channels to one address would otherwise share a connection, also between event loops.
    ("grpc.use_local_subchannel_pool", 1),
)


class Connection:
    """A connection to one sidecar, of the event loop that it was opened on."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._channel: grpc.aio.Channel | None = None
        self._workflows: Any = None
        self._sidecar: Any = None
        self._calls: set[Any] = set()
        self._has_cancelled = False
        self._metadata = ((TOKEN_HEADER, address.token),) if address.token else ()

    def open(self) -> None:
        """Make the channel; it connects with the first call."""
        target = self.address.target
        if self.address.is_secure:
            credentials = grpc.ssl_channel_credentials()
            self._channel = grpc.aio.secure_channel(target, credentials, options=CHANNEL_OPTIONS)
        else:
            self._channel = grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS)
        self._workflows = sdk.workflow_stub(self._channel)
        self._sidecar = sdk.sidecar_stub(self._channel)

    async def close(self) -> None:
        """Close the channel; calls that wait are cancelled. May be called twice."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()
        # What is in flight when the loop closes would disturb calls of other loops, since gRPC has
        # one poller for all.
        waiting = [asyncio.ensure_future(end(call)) for call in self._calls]
        if waiting:
            await asyncio.wait(waiting, timeout=_MARGIN_SECONDS)
        if channel is not None and self._has_cancelled:
            # gRPC says that a call has been cancelled before its core has done with it.
            await asyncio.sleep(_CORE_SECONDS)

    async def call(
        self,
        method: str,
        request: Any,
        *,
        action: str,
        instance_id: str = "",
        seconds: float = DEADLINE_SECONDS,
        is_repeatable: bool = True,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> Any:
        """Call a method of the workflow service, or of the sidecar's own, and return its answer.

        Args:
            method: Its name.
            request: What to send.
            action: What that is, for messages.
            instance_id: For which instance.
            seconds: How long one attempt may take.
            is_repeatable: Whether it may be sent again where it may have been done already.
            patience_seconds: For how long it is sent anew while the sidecar is away.

        Raises:
            BackendUnavailableError: No answer, or one that tells of a fault of the sidecar.
            AuthenticationFailedError: The sidecar refuses the token.
            PayloadTooLargeError: The request or the answer is over the sidecar's limit.
            InstanceNotFoundError: There is no such instance.
        """
        began_at = time.monotonic()
        give_up_at = began_at + patience_seconds
        for number in itertools.count():
            try:
                return await self._once(method, request, action, instance_id, seconds)
            except TornReadError:
                if time.monotonic() > min(give_up_at, began_at + _TORN_SECONDS):
                    raise
            except NoAnswerError as error:
                may_repeat = is_repeatable or not error.was_sent
                if error.is_late or not may_repeat or time.monotonic() > give_up_at:
                    raise
            await pause_before_attempt(number + 1)
        raise AssertionError(method)

    def work_items(self) -> Any:
        """Return a stream of work items: whoever reads it counts as a worker."""
        self._check_open()
        self._has_cancelled = True  # nobody else ends it
        return self._workflows.GetWorkItems(
            sdk.pb.GetWorkItemsRequest(), metadata=self._metadata or None
        )

    async def _once(
        self, method: str, request: Any, action: str, instance_id: str, seconds: float
    ) -> Any:
        self._check_open()
        stub = self._workflows if hasattr(self._workflows, method) else self._sidecar
        send = getattr(stub, method)
        try:
            # gRPC keeps the deadline; the second one is for the day on which it does not.
            async with asyncio.timeout(seconds + _MARGIN_SECONDS):
                return await self._answer_of(
                    send(request, timeout=seconds, metadata=self._metadata or None)
                )
        except grpc.aio.AioRpcError as error:
            raise translate(
                error, address=self.address, action=action, instance_id=instance_id
            ) from error
        except TimeoutError as error:
            problem = f"the sidecar at {self.address.target} did not answer in time to {action}"
            raise NoAnswerError(problem=problem, was_sent=True, is_late=True) from error
        except (asyncio.CancelledError, grpc.aio.UsageError):
            if self._channel is None:
                self._check_open()
            raise

    async def _answer_of(self, call: Any) -> Any:
        self._calls.add(call)
        try:
            return await call
        except asyncio.CancelledError:
            self._has_cancelled = True
            raise
        finally:
            self._calls.discard(call)

    def _check_open(self) -> None:
        if self._channel is None:
            raise ClosedError


async def pause_before_attempt(number: int) -> None:
    """Wait before a call is made again: a moment before attempt 1, and then longer."""
    seconds = _FIRST_PAUSE_SECONDS * 2 ** min(number - 1, _MOST_DOUBLINGS)
    await asyncio.sleep(min(seconds, _LONGEST_PAUSE_SECONDS))


async def end(call: Any) -> None:
    """End a call of gRPC, and return once nothing of it is left to come."""
    call.cancel()
    await call.code()
