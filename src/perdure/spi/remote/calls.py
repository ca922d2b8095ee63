"""Calls over gRPC: one channel, a deadline on every call, errors of ours. Needs ``grpcio``."""

from __future__ import annotations

import abc
import asyncio
import itertools
import time
from typing import TYPE_CHECKING, Any, Final

import grpc

from perdure.spi.remote.attempts import ClosedError, NoAnswerError, pause_before_attempt

if TYPE_CHECKING:
    from collections.abc import Sequence

DEADLINE_SECONDS: Final = 15.0

# A server that is started again is back within a second or two.
PATIENCE_SECONDS: Final = 8.0
MARGIN_SECONDS: Final = 1.0
_CORE_SECONDS: Final = 0.05
CHANNEL_OPTIONS: Final = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 50),
    # So long one attempt may take: TLS to another continent needs some hundred milliseconds. One
    # that is refused is made again after the pauses, whatever stands here.
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # Channels to one address would otherwise share a connection, also between event loops.
    ("grpc.use_local_subchannel_pool", 1),
)


class Calls(abc.ABC):
    """A connection to one server, of the event loop that it was opened on.

    Args:
        backend: The name of the backend, for messages.
        target: The server, as ``host:port`` or in another of gRPC's forms.
        credentials: For TLS; ``None`` for none.
    """

    def __init__(
        self, *, backend: str, target: str, credentials: grpc.ChannelCredentials | None
    ) -> None:
        self.target = target
        self._backend = backend
        self._credentials = credentials
        self._channel: grpc.aio.Channel | None = None
        self._stubs: Sequence[Any] = ()
        self._calls: set[Any] = set()
        self._has_cancelled = False

    @abc.abstractmethod
    def stubs_on(self, channel: grpc.aio.Channel) -> Sequence[Any]:
        """Return the stubs of the services whose methods may be called."""

    @abc.abstractmethod
    async def metadata(self) -> Sequence[tuple[str, str]]:
        """Return what goes along with each call.

        Raises:
            AuthenticationFailedError: There is no token to be had.
        """

    @abc.abstractmethod
    def translate(self, error: grpc.aio.AioRpcError, *, action: str, instance_id: str) -> Exception:
        """Return the error to raise in the place of gRPC's."""

    def seconds_until_repeat(
        self, error: Exception, *, repeats: int, elapsed_seconds: float
    ) -> float | None:
        """Return how long to wait before a call is made anew that failed like this, if it may be.

        For errors that say that nothing was done, and that it may be done in a moment.

        Args:
            error: As :meth:`translate` has made it.
            repeats: How often it was made anew for such an error.
            elapsed_seconds: For how long the call has been tried.
        """
        return None

    def open(self) -> None:
        """Make the channel; it connects with the first call."""
        if self._credentials is None:
            self._channel = grpc.aio.insecure_channel(self.target, options=CHANNEL_OPTIONS)
        else:
            self._channel = grpc.aio.secure_channel(
                self.target, self._credentials, options=CHANNEL_OPTIONS
            )
        self._stubs = self.stubs_on(self._channel)

    async def close(self) -> None:
        """Close the channel; calls that wait are cancelled. May be called twice."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()
        # What is in flight when the loop closes would disturb calls of other loops, since gRPC has
        # one poller for all.
        waiting = [asyncio.ensure_future(end(call)) for call in self._calls]
        if waiting:
            await asyncio.wait(waiting, timeout=MARGIN_SECONDS)
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
        """Call a method, and return its answer; of a stream of answers, a list.

        Args:
            method: Its name.
            request: What to send.
            action: What that is, for messages.
            instance_id: For which instance.
            seconds: How long one attempt may take.
            is_repeatable: Whether it may be sent again where it may have been done already.
            patience_seconds: For how long it is sent anew while the server is away.

        Raises:
            BackendUnavailableError: No answer, or one that tells of a fault of the server.
            AuthenticationFailedError: The server refuses the token, or there is none.
            PayloadTooLargeError: The request or the answer is over the server's limit.
            InstanceNotFoundError: There is no such instance.
        """
        began_at = time.monotonic()
        repeats = 0
        for number in itertools.count(1):
            try:
                return await self._once(method, request, action, instance_id, seconds)
            except NoAnswerError as error:
                elapsed = time.monotonic() - began_at
                may_repeat = is_repeatable or not error.was_sent
                if error.is_late or not may_repeat or elapsed > patience_seconds:
                    raise
                await pause_before_attempt(number)
            except Exception as error:
                elapsed = time.monotonic() - began_at
                wait = self.seconds_until_repeat(error, repeats=repeats, elapsed_seconds=elapsed)
                if wait is None:
                    raise
                repeats += 1
                await asyncio.sleep(wait)
        raise AssertionError(method)

    def check_open(self) -> None:
        """Refuse to go on without a channel.

        Raises:
            ClosedError: There is none.
        """
        if self._channel is None:
            raise ClosedError(backend=self._backend)

    def stub_of(self, method: str) -> Any:
        """Return the stub that has a method.

        Raises:
            ClosedError: There is no channel.
        """
        self.check_open()
        return next(stub for stub in self._stubs if hasattr(stub, method))

    def will_be_cancelled(self) -> None:
        """Note that a call was begun which nobody but its caller ends."""
        self._has_cancelled = True

    async def _once(
        self, method: str, request: Any, action: str, instance_id: str, seconds: float
    ) -> Any:
        metadata = tuple(await self.metadata()) or None
        send = getattr(self.stub_of(method), method)
        try:
            # gRPC keeps the deadline; the second one is for the day on which it does not.
            async with asyncio.timeout(seconds + MARGIN_SECONDS):
                return await self._answer_of(send(request, timeout=seconds, metadata=metadata))
        except grpc.aio.AioRpcError as error:
            raise self.translate(error, action=action, instance_id=instance_id) from error
        except TimeoutError as error:
            problem = f"the server at {self.target} did not answer in time to {action}"
            raise NoAnswerError(
                backend=self._backend, problem=problem, was_sent=True, is_late=True
            ) from error
        except (asyncio.CancelledError, grpc.aio.UsageError):
            self.check_open()
            raise

    async def _answer_of(self, call: Any) -> Any:
        self._calls.add(call)
        try:
            if isinstance(call, grpc.aio.UnaryStreamCall):
                return [each async for each in call]
            return await call
        except asyncio.CancelledError:
            self._has_cancelled = True
            raise
        finally:
            self._calls.discard(call)


async def end(call: Any) -> None:
    """End a call of gRPC, and return once nothing of it is left to come."""
    call.cancel()
    await call.code()
