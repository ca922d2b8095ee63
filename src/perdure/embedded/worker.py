"""The worker: lets an engine run a program, and takes it out again without losing anything."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from perdure.embedded import claims
from perdure.spi.backend import BackendWorker

if TYPE_CHECKING:
    from perdure.embedded.engine import Engine
    from perdure.embedded.transaction import Transaction
    from perdure.spi.program import Program

_CANCEL_SECONDS = 2.0
_LEAVING_SECONDS = 5.0
_RELEASE_EVERY_SECONDS = 0.2


class EmbeddedWorker(BackendWorker):
    """Runs a program on an engine; see :class:`perdure.spi.BackendWorker`."""

    def __init__(self, engine: Engine, program: Program) -> None:
        self._engine = engine
        self._program = program
        self._is_running = False

    async def start(self) -> None:
        """Take work from now on; instances that had stalled are tried again."""
        engine = self._engine
        engine.reserve(self)
        workflows = self._program.workflows

        def enlist(tx: Transaction) -> None:
            engine.members.announce(tx, workflows)
            claims.retry_stalled(tx, workflows)

        await engine.commits.perform(enlist)
        self._is_running = True
        engine.attach(self._program)
        engine.members.greet()

    async def drain(self, *, timeout: timedelta) -> None:
        """Take nothing new, let activities end, give everything back."""
        if not self._is_running:
            return
        self._is_running = False
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

    async def _leave(self) -> None:
        engine = self._engine
        try:
            async with asyncio.timeout(_LEAVING_SECONDS):
                await engine.settle(ignores_activities=True)
                await engine.commits.perform(lambda tx: engine.members.announce(tx, None))
                await engine.give_back_idle()
        finally:
            engine.detach()
