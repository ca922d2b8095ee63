"""Starting: one step on the scheduler, however often it must be asked for."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Final

from perdure.clock import from_us
from perdure.errors import (
    BackendUnavailableError,
    InstanceAlreadyExistsError,
    PayloadTooLargeError,
)
from perdure.spi.bridge import encode_start, to_text
from perdure.spi.remote import instance_info, is_ours, new_start, pending_info
from perdure.spi.remote.attempts import NoAnswerError, pause_before_attempt
from perdure_azure.faults import LIMIT_BYTES, TakenError
from perdure_azure.mapping import vendor_state

if TYPE_CHECKING:
    from perdure.clock import Clock
    from perdure.spi.bridge import StartEnvelope
    from perdure.spi.values import StartRequest
    from perdure.types import InstanceInfo
    from perdure_azure.scheduler import Scheduler

_PATIENCE_SECONDS: Final = 10.0


class Starter:
    """Looks for instances and starts them."""

    def __init__(self, scheduler: Scheduler, *, clock: Clock) -> None:
        self._scheduler = scheduler
        self._clock = clock

    async def find(self, instance_id: str) -> InstanceInfo | None:
        """Return what is known of an instance, if there is one."""
        state = await self._scheduler.state(instance_id)
        if state is None:
            return None
        return instance_info(vendor_state(state), now=from_us(self._clock.now_us()))

    async def start(self, request: StartRequest) -> InstanceInfo:
        """Start an instance as a client asks for it.

        Raises:
            InstanceAlreadyExistsError: As ``if_exists`` has it.
        """
        return await self.begin(request, new_start(request, created_us=self._clock.now_us()))

    async def begin(self, request: StartRequest, start: StartEnvelope) -> InstanceInfo:
        """Start an instance with this input, if ``request`` allows for it.

        Raises:
            InstanceAlreadyExistsError: As ``if_exists`` has it.
            PayloadTooLargeError: The input is over the scheduler's limit.
        """
        text = to_text(encode_start(start))
        _check_size(text, request)
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        for number in itertools.count(1):
            try:
                return await self._attempt(request, start, text)
            except NoAnswerError as error:
                # The scheduler may have it, and it may even have ended: then another start would
                # take its place.
                if error.was_sent and (known := await self._known(request, start)) is not None:
                    return known
                if time.monotonic() > give_up_at:
                    raise
            await pause_before_attempt(number)
        raise AssertionError(request.instance_id)

    async def _attempt(
        self, request: StartRequest, start: StartEnvelope, text: str
    ) -> InstanceInfo:
        instance_id = request.instance_id
        for _ in range(3):
            try:
                await self._scheduler.start(
                    instance_id,
                    workflow=request.workflow,
                    text=text,
                    tags=start.tags,
                    replaces_finished=request.if_exists == "replace_finished",
                )
            except TakenError:
                existing = await self.find(instance_id)
            else:
                return pending_info(request, start)
            if existing is None:
                continue  # purged meanwhile
            if request.if_exists == "attach" or is_ours(existing, start):
                return existing
            raise InstanceAlreadyExistsError(instance_id=instance_id, status=existing.status)
        problem = f"instance {instance_id!r} comes and goes; nothing was started"
        raise BackendUnavailableError(backend="azure", problem=problem)

    async def _known(self, request: StartRequest, start: StartEnvelope) -> InstanceInfo | None:
        existing = await self.find(request.instance_id)
        return existing if existing is not None and is_ours(existing, start) else None


def _check_size(text: str, request: StartRequest) -> None:
    if len(text) > LIMIT_BYTES:  # it is ASCII
        raise PayloadTooLargeError(
            what=f"the input of workflow {request.workflow!r}, with its headers, tags and journal",
            size=len(text),
            limit=LIMIT_BYTES,
            remedy="set PERDURE_PAYLOADS, so that large payloads go to a store",
        )
