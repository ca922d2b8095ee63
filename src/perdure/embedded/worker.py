"""The worker: lets an engine run a program, and takes it out again without losing anything."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from perdure.embedded import claims
from perdure.errors import StorageError
from perdure.spi.backend import BackendWorker

if TYPE_CHECKING:
    from perdure.embedded.engine import Engine
    from perdure.spi.program import Program

_logger = logging.getLogger(__name__)

_CANCEL_SECONDS = 2.0
_LEAVING_SECONDS = 5.0
_RETRY_SECONDS = 0.05
_STALLED_AT_ONCE = 64
_RELEASE_EVERY_SECONDS = 0.2


class EmbeddedWorker(BackendWorker):
    """Runs a program on an engine; see :class:`perdure.spi.BackendWorker`."""

    def __init__(self, engine: Engine, program: Program) -> None:
        self._engine = engine
        self._program = program
        self._is_running = False
        self._retrying: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take work from now on; instances that had stalled are tried again."""
        engine = self._engine
        engine.reserve(self)
        workflows = self._program.workflows
        try:
            await engine.commits.perform(lambda tx: engine.members.announce(tx, workflows))
        except BaseException:
            engine.reserve(None)
            raise
        self._is_running = True
        engine.attach(self._program)
        engine.members.greet()
        after: int | None = 0
        with contextlib.suppress(StorageError):  # the next round may succeed
            after = await self._retry_stalled(after=0)
        if after is not None:
            self._retrying = asyncio.create_task(self._retry_more(after))

    async def drain(self, *, timeout: timedelta) -> None:
        """Take nothing new, let activities end, give everything back."""
        if not self._is_running:
            return
        self._is_running = False
        if self._retrying is not None:
            self._retrying.cancel()
        engine = self._engine
        engine.take_no_more()
        loop = asyncio.get_running_loop()
        until = loop.time() + max(timeout.total_seconds(), 0.0)
        while engine.activities.count and loop.time() < until:
            await engine.give_back_idle()
            await engine.activities.wait(
                timeout_seconds=min(until - loop.time(), _RELEASE_EVERY_SECONDS)
            )
        engine.activities.cancel()
        await engine.activities.wait(timeout_seconds=_CANCEL_SECONDS)
        await self._leave()

    async def stop(self) -> None:
        """Stop at once."""
        await self.drain(timeout=timedelta())

    async def _retry_stalled(self, *, after: int) -> int | None:
        """Take stalled instances, for our code may fit them; return the pk to go on from."""
        engine = self._engine
        most = min(engine.residents.room, _STALLED_AT_ONCE)
        if most <= 0:
            return after
        taken = await engine.commits.perform(
            lambda tx: claims.claim_stalled(tx, self._program.workflows, after=after, most=most)
        )
        return taken[-1].pk if taken else None

    async def _retry_more(self, after: int | None) -> None:
        while after is not None:
            await asyncio.sleep(_RETRY_SECONDS)
            with contextlib.suppress(StorageError):
                after = await self._retry_stalled(after=after)

    async def _leave(self) -> None:
        engine = self._engine
        try:
            async with asyncio.timeout(_LEAVING_SECONDS):
                await engine.settle(ignores_activities=True)
                await engine.commits.perform(lambda tx: engine.members.announce(tx, None))
                await engine.give_back_idle()
        except (TimeoutError, StorageError) as error:
            _logger.warning("not everything could be given back; it will be: %s", error)
        finally:
            engine.detach()
