"""Hosting: whether the sidecar takes calls for workflows, and an attendant for when it does not.

A sidecar hosts the actors of workflows while some worker's stream of work items is open. Without
one a call that changes an instance would hang until its deadline; and where any call hangs, the
sidecar needs two seconds longer to host them. So it is asked before. It may host them without a
worker as well; then calls hang for instances whose turn waits for one.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from perdure.errors import BackendUnavailableError
from perdure.spi.remote.attempts import ClosedError
from perdure_dapr.attendant import Attendant
from perdure_dapr.faults import NotHostedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from perdure_dapr.attendant import Sight
    from perdure_dapr.sidecar import Sidecar

_T = TypeVar("_T")

_PROBE_SECONDS: Final = 0.05
_LOOK_SECONDS: Final = 0.4
_HOSTED_SECONDS: Final = 4.0
_PATIENCE_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 0.1
_NOBODY: Final = "perdure-nobody"


class Stand(enum.Enum):
    """How it stands with the sidecar."""

    SERVED = "a worker is connected, here or to another sidecar of the app"
    BARE = "workflows are hosted, but no worker takes turns"
    UNHOSTED = "nobody hosts workflows, so calls for them hang"


_GOOD_FOR_SECONDS: Final = {Stand.SERVED: 1.0, Stand.BARE: 0.1, Stand.UNHOSTED: 0.2}


class Hosting:
    """Has calls that change instances made while they are answered."""

    def __init__(self, sidecar: Sidecar) -> None:
        self._sidecar = sidecar
        self._attendant = Attendant(sidecar)
        self._stand = Stand.UNHOSTED
        self._known_until = 0.0
        self._asking: asyncio.Task[Stand] | None = None

    async def close(self) -> None:
        """Let the attendant go. May be called twice."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
        await self._attendant.close()

    async def stand(self) -> Stand:
        """Return how it stands; what was found out is good for a moment."""
        if time.monotonic() < self._known_until:
            return self._stand
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    def look_anew(self) -> None:
        """Forget what was found out, since a worker has come or gone."""
        self._known_until = 0.0

    async def is_hosted(self) -> bool:
        """Return whether calls for workflows are answered, but for those that wait for a turn."""
        return await self.stand() is not Stand.UNHOSTED

    async def renew_waiting(self) -> None:
        """Before the first worker takes turns: have those that wait for one handed out anew."""
        if await self.stand() is Stand.BARE:
            await self._attendant.refuse_waiting()

    @contextlib.asynccontextmanager
    async def covering(self) -> AsyncGenerator[None, None]:
        """Let a worker go within this: should it be the last one, the attendant leaves after it."""
        metadata = await self._sidecar.metadata()
        if metadata.connected_workers > 1:
            yield
            return
        async with self._attendant.attending(_NOBODY):
            yield

    async def perform(
        self,
        instance_id: str,
        call: Callable[[], Awaitable[_T]],
        *,
        sight: Sight | None = None,
        patience_seconds: float = _PATIENCE_SECONDS,
    ) -> _T | None:
        """Make a call that changes an instance, and return its answer.

        Args:
            instance_id: The instance.
            call: The call. It is made anew where nothing was done because nothing was hosted.
            sight: What shows, in a work item for the instance, that the call has taken effect.
                Where that is seen first, the call is given up and ``None`` returned.
            patience_seconds: For how long the call is made anew where it fails, as when the state
                store is busy; none for a call that must not be made twice.

        Raises:
            BackendUnavailableError: The sidecar was not able to, or nothing was hosted, in time.
        """
        began_at = time.monotonic()
        while True:
            try:
                return await self._perform(instance_id, call, sight)
            except NotHostedError:
                self.look_anew()
                if time.monotonic() - began_at > _HOSTED_SECONDS:
                    raise self._attendant.unavailable() from None
            except ClosedError:
                raise
            except BackendUnavailableError:
                if time.monotonic() - began_at > patience_seconds:
                    raise
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _perform(
        self, instance_id: str, call: Callable[[], Awaitable[_T]], sight: Sight | None
    ) -> _T | None:
        async with contextlib.AsyncExitStack() as stack:
            is_attended = await self._needs_attendant()
            if is_attended:
                await stack.enter_async_context(self._attendant.attending(instance_id))
            asked = asyncio.ensure_future(call())
            stack.push_async_callback(_give_up, asked)
            seen = self._attendant.watch(instance_id, sight) if sight else None
            waiting: set[asyncio.Future[Any]] = {asked} if seen is None else {asked, seen}
            while True:
                done, _ = await asyncio.wait(
                    waiting, timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if asked in done:
                    return asked.result()
                if done:
                    return None
                if not is_attended and await self._needs_attendant():
                    await stack.enter_async_context(self._attendant.attending(instance_id))
                    is_attended = True

    async def _needs_attendant(self) -> bool:
        return self._attendant.is_open or await self.stand() is not Stand.SERVED

    async def _ask(self) -> Stand:
        metadata = await self._sidecar.metadata()
        if metadata.connected_workers > self._attendant.streams:
            found = Stand.SERVED
        elif metadata.is_hosting:
            found = Stand.BARE
        # Workers of another sidecar of this app do as well, and only a call can tell.
        elif await self._sidecar.answers(seconds=_PROBE_SECONDS):
            found = Stand.SERVED
        else:
            found = Stand.UNHOSTED
        self._stand = found
        self._known_until = time.monotonic() + _GOOD_FOR_SECONDS[found]
        return found


async def _give_up(call: asyncio.Future[_T]) -> None:
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
