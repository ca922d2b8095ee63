"""Starting: the look for an instance and its start, as one step among the processes of a host."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from perdure.clock import from_us
from perdure.errors import BackendUnavailableError, InstanceAlreadyExistsError
from perdure.spi.backend import must_start
from perdure.spi.bridge import encode_start, to_text
from perdure.spi.remote import instance_info, is_ours, new_start, pending_info
from perdure.spi.remote.attempts import ClosedError, pause_before_attempt
from perdure.types import InstanceInfo, Status
from perdure_dapr import faults
from perdure_dapr.faults import AwaitingActivityError, TakenError
from perdure_dapr.mapping import vendor_state

if TYPE_CHECKING:
    from perdure.clock import Clock
    from perdure.spi.backend import StartRequest
    from perdure.spi.bridge import StartEnvelope
    from perdure_dapr.hosting import Hosting
    from perdure_dapr.sidecar import Sidecar
    from perdure_dapr.start_locks import StartLocks
    from perdure_dapr.waking import Waker

_logger = logging.getLogger(__name__)

_PATIENCE_SECONDS: Final = 10.0
_SECOND_LOOK_SECONDS: Final = 0.5
_REMEMBERED: Final = 10_000


class Starter:
    """Looks for instances and starts them."""

    def __init__(
        self,
        sidecar: Sidecar,
        hosting: Hosting,
        waker: Waker,
        *,
        locks: StartLocks,
        clock: Clock,
    ) -> None:
        self._sidecar = sidecar
        self._waker = waker
        self._hosting = hosting
        self._locks = locks
        self._clock = clock
        self._lately: OrderedDict[str, InstanceInfo] = OrderedDict()

    async def find(self, instance_id: str) -> InstanceInfo | None:
        """Return what is known of an instance, if there is one.

        Of one whose first turn has not run Dapr tells no more than that; if it was started here
        the rest is known all the same.
        """
        state = await self._sidecar.state(instance_id)
        if state is None and instance_id in self._lately:
            # Dapr 1.18 on SQLite: its driver (modernc.org/sqlite before 1.41) keeps a connection in
            # use whose reads are of an earlier moment. The next one may get another connection.
            extra = {"instance_id": instance_id}
            _logger.warning("the sidecar does not find what it has just started", extra=extra)
            await asyncio.sleep(_SECOND_LOOK_SECONDS)
            state = await self._sidecar.state(instance_id)
        if state is None:
            self._lately.pop(instance_id, None)
            return None
        if not state.name and (known := self._lately.get(instance_id)) is not None:
            return known
        self._lately.pop(instance_id, None)
        return self.info_of(state)

    def info_of(self, state: Any) -> InstanceInfo:
        """Return what is known of an instance whose first turn has run, by its state at Dapr's."""
        return instance_info(vendor_state(state), now=from_us(self._clock.now_us()))

    def damaged(self, instance_id: str, reason: str) -> InstanceInfo:
        """Return what is shown of an instance that cannot be read."""
        now = from_us(self._clock.now_us())
        return InstanceInfo(
            instance_id=instance_id,
            run_id="",
            name="",
            status=Status.UNKNOWN,
            created_at=now,
            updated_at=now,
            reason=reason,
        )

    async def start(self, request: StartRequest) -> InstanceInfo:
        """Start an instance as a client asks for it.

        Raises:
            InstanceAlreadyExistsError: As ``if_exists`` has it.
        """
        start = new_start(request, created_us=self._clock.now_us())
        return await self.begin(request, start)

    async def begin(self, request: StartRequest, start: StartEnvelope) -> InstanceInfo:
        """Start an instance with this input, if ``request`` allows for it.

        Raises:
            InstanceAlreadyExistsError: As ``if_exists`` has it.
            BackendUnavailableError: For a child: some instance has the id, and nobody can tell yet
                whether it is the child.
        """
        instance_id = request.instance_id
        async with self._locks.hold(instance_id):
            existing = await self.find(instance_id)
            if existing is not None and not existing.name and start.parent is not None:
                raise _untold(instance_id)
            if existing is not None and is_ours(existing, start):
                return existing
            if not must_start(request, existing):
                assert existing is not None
                return existing
            info = pending_info(request, start)
            await self._begin(request, start, was_there=existing is not None)
            self._remember(info)
            return info

    async def _begin(self, request: StartRequest, start: StartEnvelope, *, was_there: bool) -> None:
        instance_id = request.instance_id
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        is_unsure = False
        for number in itertools.count(1):
            is_late = time.monotonic() > give_up_at
            try:
                is_there = await self._attempt(request, start, is_unsure=is_unsure)
            except AwaitingActivityError:
                if is_late:
                    raise self._taken(instance_id, Status.TERMINATED) from None
                is_there = False
            except ClosedError:
                raise
            except BackendUnavailableError:
                if is_late:
                    raise
                is_unsure = True
                is_there = await self._has_begun(instance_id, start, was_there=was_there)
            if is_there:
                break
            if is_late:
                raise _untold(instance_id)
            await pause_before_attempt(number)
        if is_unsure:
            # Of two attempts the sidecar may have kept the instance of one and the reminder of the
            # other, which finds nothing; then nobody else would ever begin it.
            await self._waker.wake(instance_id)

    async def _attempt(
        self, request: StartRequest, start: StartEnvelope, *, is_unsure: bool
    ) -> bool:
        instance_id, text = request.instance_id, to_text(encode_start(start))
        try:
            await self._hosting.perform(
                instance_id,
                lambda: self._sidecar.start(instance_id, workflow=request.workflow, text=text),
                patience_seconds=0,
            )
        except TakenError:
            return await self._is_there(instance_id, start, is_unsure=is_unsure)
        return True

    async def _is_there(self, instance_id: str, start: StartEnvelope, *, is_unsure: bool) -> bool:
        """Return whether the instance that has the id is the one of a call that got no answer.

        ``False`` where the sidecar only has it in mind: it was not able to store it.

        Raises:
            InstanceAlreadyExistsError: It is another.
            BackendUnavailableError: For a child: nobody can tell yet.
        """
        info = await self.find(instance_id)
        if info is None and is_unsure:
            return False
        if info is not None and not info.name:
            if start.parent is not None:
                raise _untold(instance_id)
            if is_unsure:
                return True  # nobody else of this host starts it now
        if info is None or not is_ours(info, start):
            raise self._taken(instance_id, info.status if info else Status.UNKNOWN)
        return True

    async def _has_begun(self, instance_id: str, start: StartEnvelope, *, was_there: bool) -> bool:
        state = await self._sidecar.state(instance_id)
        if state is None:
            return False
        if not state.name:
            return True
        info = self.info_of(state)
        return info.run_id == start.run_id or not was_there

    def _taken(self, instance_id: str, status: Status) -> InstanceAlreadyExistsError:
        return InstanceAlreadyExistsError(instance_id=instance_id, status=status)

    def _remember(self, info: InstanceInfo) -> None:
        self._lately[info.instance_id] = info
        while len(self._lately) > _REMEMBERED:
            self._lately.popitem(last=False)


def _untold(instance_id: str) -> BackendUnavailableError:
    problem = f"instance {instance_id!r} is there, but has not begun, so nothing is known of it"
    return BackendUnavailableError(backend=faults.NAME, problem=problem)
