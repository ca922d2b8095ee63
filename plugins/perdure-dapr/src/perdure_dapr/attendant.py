"""The attendant: stands in for a worker, so that instances can be changed while there is none.

It opens two streams of work items, and answers nothing that comes on them. An item that it is given
is held, since the sidecar hands it out again within a second after it is given up. An item of an
instance that a call waits for is given up at once, by closing its stream while the other one stays:
then the sidecar lets go of the instance, and the call gets through. No history is written by any of
that.

It leaves with care: a sidecar (1.18) that lets go of workflows with its last stream, while a turn
waits to be handed out, never serves a worker again. So it stays until every turn that is tried
again and again has come and is held, or until a worker is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import grpc

from perdure.errors import BackendUnavailableError
from perdure.spi.remote.calls import end
from perdure_dapr import faults

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from perdure_dapr.sidecar import Sidecar

    Sight = Callable[[Any], bool]
    """Whether an event that an instance has not handled yet is the one."""

_logger = logging.getLogger(__name__)

_STREAMS: Final = 2
_HOSTED_SECONDS: Final = 5.0
_PROBE_SECONDS: Final = 0.5
_PAUSE_SECONDS: Final = 0.005
# What the sidecar gives up comes again within a second: so long after it was last due.
_LINGER_SECONDS: Final = 1.2
_LOOK_SECONDS: Final = 0.1
_CALM_SECONDS: Final = 4.0
_QUIET_SECONDS: Final = 0.02
# A busy sidecar was seen to take 28 ms for the next reason of an instance.
_SETTLED_SECONDS: Final = 0.1
_COALESCE_SECONDS: Final = 0.002


class _Stream:
    """One stream of work items, and the instances whose items it holds."""

    def __init__(self, call: Any) -> None:
        self.call = call
        self.held: set[str] = set()
        self.reader: asyncio.Task[None] | None = None


class Attendant:
    """Holds streams open while calls need them. Belongs to one event loop."""

    def __init__(self, sidecar: Sidecar) -> None:
        self._sidecar = sidecar
        self._streams: list[_Stream] = []
        self._wanted: Counter[str] = Counter()
        self._watches: list[tuple[str, Sight, asyncio.Future[object]]] = []
        self._changing = asyncio.Lock()
        self._leaving: asyncio.Task[None] | None = None
        self._renewals: set[asyncio.Task[None]] = set()
        self._last_need = 0.0
        self._served = 0
        self._may_leave_at_once = False
        self._is_closing = False

    @property
    def streams(self) -> int:
        """How many streams it has open."""
        return len(self._streams)

    @property
    def is_open(self) -> bool:
        """Whether it has any open."""
        return bool(self._streams)

    @contextlib.asynccontextmanager
    async def attending(self, instance_id: str) -> AsyncGenerator[None, None]:
        """Have workflows hosted, and ``instance_id`` free for calls.

        Raises:
            BackendUnavailableError: They are not hosted in time.
        """
        self._wanted[instance_id] += 1
        try:
            async with self._changing:
                if not self._streams:
                    await self._open()
            for stream in list(self._streams):
                if instance_id in stream.held:
                    await self._renew(stream)
            yield
        finally:
            self._wanted[instance_id] -= 1
            self._wanted += Counter()
            self._last_need = time.monotonic()
            if self._streams and (self._leaving is None or self._leaving.done()):
                self._leaving = asyncio.create_task(self._leave())

    def watch(self, instance_id: str, sight: Sight) -> asyncio.Future[object]:
        """Return what is done once an item for the instance shows the event."""
        self._watches = [watch for watch in self._watches if not watch[2].done()]
        seen: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._watches.append((instance_id, sight, seen))
        return seen

    async def refuse_waiting(self) -> None:
        """Give up once what has waited for a worker, so that it comes anew.

        A turn bears the instant at which the sidecar wished to hand it out, and the workflow takes
        that for the present one.
        """
        async with self._changing:
            if self._streams:
                return
            await self._open()
            give_up_at = time.monotonic() + _CALM_SECONDS
            while await self._is_served(seconds=_QUIET_SECONDS) and time.monotonic() < give_up_at:
                pass
            if not self._wanted:
                await self._close_streams()

    async def close(self) -> None:
        """Leave, once nothing speaks against it. May be called twice."""
        self._is_closing = True
        if self._leaving is not None:
            await asyncio.wait([self._leaving])
        async with self._changing:
            await self._close_streams()
        for renewal in self._renewals:
            renewal.cancel()
        await asyncio.gather(*self._renewals, return_exceptions=True)

    def unavailable(self) -> BackendUnavailableError:
        """Return the error for a sidecar that does not host workflows."""
        problem = (
            "the sidecar does not take calls for workflows, though a stream of work items is open; "
            "are its placement and scheduler services up? If they are, start the sidecar anew"
        )
        return BackendUnavailableError(backend=faults.NAME, problem=problem)

    # -- streams ----------------------------------------------------------------------------------

    async def _open(self) -> None:
        self._may_leave_at_once = (await self._sidecar.metadata()).is_hosting
        for _ in range(_STREAMS):
            self._add_stream()
        give_up_at = time.monotonic() + _HOSTED_SECONDS
        # To call before they are hosted would put that off by two seconds.
        await self._until(lambda count: count >= _STREAMS)
        await asyncio.sleep(_PAUSE_SECONDS)
        while not await self._sidecar.answers(seconds=_PROBE_SECONDS):
            if time.monotonic() > give_up_at:
                await self._close_streams()
                raise self.unavailable()

    def _add_stream(self) -> None:
        stream = _Stream(self._sidecar.connection.work_items())
        stream.reader = asyncio.create_task(self._read(stream))
        self._streams.append(stream)

    async def _read(self, stream: _Stream) -> None:
        with contextlib.suppress(grpc.aio.AioRpcError):
            async for item in stream.call:
                if item.WhichOneof("request") == "workflowRequest":
                    self._take(stream, item.workflowRequest)
        if stream in self._streams:  # the sidecar ended it
            self._streams.remove(stream)

    def _take(self, stream: _Stream, request: Any) -> None:
        instance_id = request.instanceId
        self._served += 1
        for watched, sight, seen in self._watches:
            is_it = watched == instance_id and any(map(sight, request.newEvents))
            if is_it and not seen.done():
                seen.set_result(None)
        is_renewed = any(self._wanted[held] for held in stream.held)
        stream.held.add(instance_id)
        if self._wanted[instance_id] and not is_renewed:
            renewal = asyncio.create_task(self._renew(stream))
            self._renewals.add(renewal)
            renewal.add_done_callback(self._renewals.discard)

    async def _renew(self, stream: _Stream) -> None:
        """Put a new stream in the place of one, so that the sidecar takes its items back."""
        await asyncio.sleep(_COALESCE_SECONDS)
        async with self._changing:
            if stream in self._streams:
                await self._replace(stream)

    async def _replace(self, stream: _Stream) -> None:
        # The new one must be there before this one goes, and this one gone before the next goes:
        # were all gone at once, the sidecar would let go of the workflows.
        if not await self._add_connected() or stream not in self._streams:
            return  # or the sidecar has ended it meanwhile
        before = await self._connected()
        self._streams.remove(stream)
        await end(stream.call)
        await self._until(lambda count: count < before)

    async def _add_connected(self) -> bool:
        """Open one more stream; return whether the sidecar has it."""
        self._add_stream()
        return await self._until(lambda count: count >= len(self._streams), seconds=_HOSTED_SECONDS)

    async def _until(
        self, holds: Callable[[int], bool], *, seconds: float = _PROBE_SECONDS
    ) -> bool:
        """Wait until what the sidecar says of its streams is so; return whether it came to be."""
        give_up_at = time.monotonic() + seconds
        while not holds(await self._connected()):
            if time.monotonic() > give_up_at:
                return False
            await asyncio.sleep(_PAUSE_SECONDS)
        return True

    async def _connected(self) -> int:
        return (await self._sidecar.metadata()).connected_workers

    # -- leaving ----------------------------------------------------------------------------------

    async def _leave(self) -> None:
        """Close the streams once nobody needs them and it is safe."""
        while self._streams:
            await asyncio.sleep(_LOOK_SECONDS)
            linger_seconds = _LOOK_SECONDS if self._may_leave_at_once else _LINGER_SECONDS
            if self._wanted or time.monotonic() - self._last_need < linger_seconds:
                continue
            async with self._changing:
                if await self._may_leave() and not self._wanted:
                    await self._close_streams()

    async def _may_leave(self) -> bool:
        if self._may_leave_at_once:
            return True
        try:
            is_calm = await self._calm_down()
        except BackendUnavailableError:
            return True  # there is no sidecar to leave with care
        if not is_calm and self._is_closing:
            _logger.warning("left the sidecar while it had much to hand out")
        # It stays for another while, unless the backend is being closed.
        return is_calm or self._is_closing

    async def _calm_down(self) -> bool:
        """Return whether nothing comes for a moment, as all that came has been given up lately.

        An instance may have several reasons to run. Each comes when the one before is given up.
        """
        give_up_at = time.monotonic() + _CALM_SECONDS
        while time.monotonic() < give_up_at:
            if await self._connected() > len(self._streams):
                return True  # a worker takes all
            while await self._is_served(seconds=_QUIET_SECONDS):
                pass
            if any(stream.held for stream in self._streams):
                await self._replace_all()
            elif not await self._is_served(seconds=_SETTLED_SECONDS):
                return True
        return False

    async def _replace_all(self) -> None:
        """Give up all that is held, at once, so that all of it comes again at one time."""
        old = list(self._streams)
        if not await self._add_connected():
            return
        self._streams = [stream for stream in self._streams if stream not in old]
        await asyncio.gather(*(end(stream.call) for stream in old))
        await self._until(lambda count: count <= len(self._streams))

    async def _is_served(self, *, seconds: float) -> bool:
        """Return whether an item came within so long."""
        before = self._served
        await asyncio.sleep(seconds)
        return self._served != before

    async def _close_streams(self) -> None:
        while self._streams:
            stream = self._streams.pop()
            await end(stream.call)
            if stream.reader is not None:
                await asyncio.gather(stream.reader, return_exceptions=True)
