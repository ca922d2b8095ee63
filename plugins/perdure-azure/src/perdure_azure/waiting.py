"""Waiting: for an instance to end, or to stall, across restarts of workers and of the scheduler."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from perdure.clock import from_us
from perdure.errors import AuthenticationFailedError, BackendUnavailableError, InstanceNotFoundError
from perdure.spi.remote import instance_info, text_of
from perdure.spi.remote.attempts import ClosedError, pause_before_attempt
from perdure.types import Status
from perdure_azure.mapping import vendor_state

if TYPE_CHECKING:
    from perdure.clock import Clock
    from perdure.types import InstanceInfo
    from perdure_azure.foreign_payloads import ForeignPayloads
    from perdure_azure.scheduler import Scheduler
    from perdure_azure.starting import Starter

_logger = logging.getLogger(__name__)

# Most who wait have just started the instance, and a look at it first would be for nothing.
_FIRST_SLICE_SECONDS: Final = 0.5
# Each slice that ends without an end costs two calls, of each who waits.
_GROWTH: Final = 4
_LONGEST_SLICE_SECONDS: Final = 10.0
# The client cuts a wait short half a second after its timeout.
_LAST_LOOK_SECONDS: Final = 0.4
_EARLY_SECONDS: Final = 0.2
_COMPLAINT_SECONDS: Final = 30.0


class Waiter:
    """Waits for instances: the scheduler tells when one ends, and is looked at for stalls."""

    def __init__(
        self, scheduler: Scheduler, starter: Starter, foreign: ForeignPayloads, *, clock: Clock
    ) -> None:
        self._scheduler = scheduler
        self._foreign = foreign
        self._starter = starter
        self._clock = clock

    async def wait(self, instance_id: str, *, timeout: timedelta | None) -> InstanceInfo:
        """Return once the instance is terminal or stalled.

        Raises:
            InstanceNotFoundError: There is none.
            TimeoutError: It did not come to that in time; the message says how it stands.
            PayloadError: One of Microsoft's SDKs has stored its result where nothing is read.
        """
        if timeout is not None and timeout <= timedelta():
            info = await self._look(instance_id)
            if not _is_over(info):
                raise TimeoutError(_late(info))
            return await self._readable(info)
        try:
            async with asyncio.timeout(None if timeout is None else timeout.total_seconds()):
                return await self._readable(await self._wait(instance_id))
        except TimeoutError:
            raise TimeoutError(await self._why_late(instance_id)) from None

    async def _wait(self, instance_id: str) -> InstanceInfo:
        slice_seconds = _FIRST_SLICE_SECONDS
        complained_at = -_COMPLAINT_SECONDS
        failures = 0
        while True:
            try:
                info = await self._listen(instance_id, slice_seconds)
                failures = 0
            except (ClosedError, AuthenticationFailedError):
                raise
            except BackendUnavailableError as error:
                now = time.monotonic()
                if now - complained_at > _COMPLAINT_SECONDS:
                    complained_at = now
                    extra = {"instance_id": instance_id}
                    _logger.warning("still waiting: %s", error, extra=extra)
                failures += 1
                await pause_before_attempt(failures)
                continue
            if _is_over(info):
                return info
            slice_seconds = min(_LONGEST_SLICE_SECONDS, slice_seconds * _GROWTH)

    async def _listen(self, instance_id: str, seconds: float) -> InstanceInfo:
        """Return how the instance stands when it has ended, or after so long."""
        # Of one that has stalled the scheduler does not tell, so each time it is looked at too.
        state = await self._scheduler.completion(instance_id, seconds=seconds)
        if state is None:
            return await self._look(instance_id)
        info = self._info_of(state)
        if not _is_over(info):
            await asyncio.sleep(_EARLY_SECONDS)  # a scheduler may answer before the end
        return info

    async def _why_late(self, instance_id: str) -> str:
        try:
            async with asyncio.timeout(_LAST_LOOK_SECONDS):
                # A look is patient; this says at once what is wrong.
                await self._scheduler.probe(seconds=_LAST_LOOK_SECONDS)
                return _late(await self._look(instance_id))
        except (BackendUnavailableError, TimeoutError) as error:
            known = f"workflow instance {instance_id!r} is not known to have ended"
            return f"{known}: {str(error) or 'the scheduler does not answer'}"

    async def _readable(self, info: InstanceInfo) -> InstanceInfo:
        token = text_of(info.output_json or "")
        await self._foreign.resolve(token, what=f"result of workflow instance {info.instance_id!r}")
        return info

    async def _look(self, instance_id: str) -> InstanceInfo:
        info = await self._starter.find(instance_id)
        if info is None:
            raise InstanceNotFoundError(instance_id=instance_id)
        return info

    def _info_of(self, state: object) -> InstanceInfo:
        return instance_info(vendor_state(state), now=from_us(self._clock.now_us()))


def _late(info: InstanceInfo) -> str:
    late = f"workflow instance {info.instance_id!r} is still {info.status.value}"
    if info.reason:
        return f"{late}: {info.reason}"
    if info.status is Status.PENDING:
        return f"{late}; is a worker connected that has workflow {info.name!r}?"
    return late


def _is_over(info: InstanceInfo) -> bool:
    return info.status.is_terminal or info.status is Status.STALLED
