"""Waiting: for an instance to end, or to stall, across restarts of workers and sidecars."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from perdure.errors import BackendUnavailableError, InstanceNotFoundError
from perdure.spi.remote.attempts import ClosedError
from perdure.types import Status
from perdure_dapr.faults import NotHostedError
from perdure_dapr.hosting import Stand

if TYPE_CHECKING:
    from perdure.types import InstanceInfo
    from perdure_dapr.hosting import Hosting
    from perdure_dapr.journals import Journals
    from perdure_dapr.sidecar import Sidecar
    from perdure_dapr.starting import Starter

_logger = logging.getLogger(__name__)

_FIRST_SLICE_SECONDS: Final = 0.5
_LONGEST_SLICE_SECONDS: Final = 5.0
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 0.5
_FIRST_LOOK_SECONDS: Final = 0.2
_LOOK_SECONDS: Final = 0.5
_SECONDS_EACH: Final = 0.05
_COMPLAINT_SECONDS: Final = 30.0


class Waiter:
    """Waits for instances.

    The sidecar tells when one ends, so that nobody polls while a worker is there. While none is, a
    call that waits would put off the moment at which the next one gets work: then it is looked.
    """

    def __init__(
        self, sidecar: Sidecar, hosting: Hosting, starter: Starter, journals: Journals
    ) -> None:
        self._sidecar = sidecar
        self._hosting = hosting
        self._starter = starter
        self._journals = journals
        self._waiting = 0

    async def wait(self, instance_id: str, *, timeout: timedelta | None) -> InstanceInfo:
        """Return once the instance is terminal or stalled.

        Raises:
            InstanceNotFoundError: There is none.
            TimeoutError: It did not come to that in time; the message says why, if that is known.
        """
        if timeout is not None and timeout <= timedelta():
            info = await self._look(instance_id)
            if not _is_over(info):
                raise TimeoutError(await self._why_late(info))
            return info
        try:
            async with asyncio.timeout(None if timeout is None else timeout.total_seconds()):
                self._waiting += 1
                try:
                    return await self._wait(instance_id)
                finally:
                    self._waiting -= 1
        except TimeoutError:
            raise TimeoutError(await self._why_late(await self._look(instance_id))) from None

    async def _wait(self, instance_id: str) -> InstanceInfo:
        slice_seconds, pause_seconds = _FIRST_SLICE_SECONDS, _FIRST_PAUSE_SECONDS
        complaint = _Complaint(instance_id)
        while True:
            try:
                if await self._hosting.is_hosted():
                    info = await self._listen(instance_id, slice_seconds)
                    pause_seconds = 0.0
                else:
                    info = await self._look(instance_id)
                if _is_over(info):
                    return info
            except ClosedError:
                raise
            except BackendUnavailableError as error:
                complaint.make(error)
            await asyncio.sleep(pause_seconds)
            slice_seconds = min(_LONGEST_SLICE_SECONDS, slice_seconds * 3)
            pause_seconds = min(_LONGEST_PAUSE_SECONDS, pause_seconds * 1.5 + _FIRST_PAUSE_SECONDS)

    async def _listen(self, instance_id: str, seconds: float) -> InstanceInfo:
        """Return how the instance stands when it may have ended, or after so long.

        At once when it is over already, and soon when no worker is there any more.
        """
        # Many who wait share what one would ask for.
        shared_seconds = self._waiting * _SECONDS_EACH
        seconds = max(seconds, shared_seconds)
        ending = asyncio.ensure_future(self._sidecar.completion(instance_id, seconds=seconds))
        info: InstanceInfo | None = None
        try:
            # Most end soon and need no look; of one that has stalled the sidecar does not tell.
            await asyncio.wait([ending], timeout=max(_FIRST_LOOK_SECONDS, shared_seconds))
            if not ending.done():
                info = await self._look(instance_id)
                if _is_over(info):
                    return info
            while not ending.done():
                await asyncio.wait([ending], timeout=max(_LOOK_SECONDS, shared_seconds))
                if not ending.done() and not await self._hosting.is_hosted():
                    return await self._look(instance_id)
            with contextlib.suppress(NotHostedError, InstanceNotFoundError):
                if (state := ending.result()) is not None:
                    return self._starter.info_of(state)
                if info is not None:
                    return info
            return await self._look(instance_id)
        finally:
            if not ending.done():
                ending.cancel()
                await asyncio.gather(ending, return_exceptions=True)

    async def _look(self, instance_id: str) -> InstanceInfo:
        info = await self._starter.find(instance_id)
        if info is None:
            raise InstanceNotFoundError(instance_id=instance_id)
        return info

    async def _why_late(self, info: InstanceInfo) -> str:
        late = f"workflow instance {info.instance_id!r} is still {info.status.value}"
        with contextlib.suppress(BackendUnavailableError):
            if info.reason is None and info.status is Status.SUSPENDED:
                info = await self._journals.with_reason(info)
            if info.reason:
                return f"{late}: {info.reason}"
            if await self._hosting.stand() is not Stand.SERVED:
                return f"{late}, and no worker is connected to the sidecar"
        return late


class _Complaint:
    """Says now and then that the sidecar is away, where somebody waits for ever."""

    def __init__(self, instance_id: str) -> None:
        self._instance_id = instance_id
        self._last = 0.0

    def make(self, error: BackendUnavailableError) -> None:
        now = time.monotonic()
        if now - self._last > _COMPLAINT_SECONDS:
            self._last = now
            _logger.warning("still waiting: %s", error, extra={"instance_id": self._instance_id})


def _is_over(info: InstanceInfo) -> bool:
    return info.status.is_terminal or info.status is Status.STALLED
