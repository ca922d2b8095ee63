"""A backend that does what the real engine never does: it does not answer."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from perdure.spi.backend import Backend, BackendWorker, Capability
from perdure.types import InstanceInfo, Status

if TYPE_CHECKING:
    from datetime import timedelta

    from perdure.clock import Clock
    from perdure.spi.backend import StartRequest
    from perdure.spi.program import Program

_NOW = datetime(2026, 1, 1, tzinfo=UTC)


class MuteBackend(Backend):
    """Takes every call and answers none, except ``get`` if it is told what to say."""

    name = "mute"

    def __init__(self, url: str = "", *, clock: Clock | None = None) -> None:
        self.url = url
        self.known: InstanceInfo | None = None
        self.opened = 0
        self.closed = 0
        self.cancelled = asyncio.Event()
        self.open_error: Exception | None = None
        self.open_seconds = 0.0
        self.close_hangs = False

    @property
    def capabilities(self) -> frozenset[Capability]:
        return frozenset()

    async def open(self) -> None:
        await asyncio.sleep(self.open_seconds)
        self.opened += 1
        if self.open_error is not None:
            raise self.open_error

    async def close(self) -> None:
        self.closed += 1
        if self.close_hangs:
            await self._never()

    def worker(self, program: Program) -> BackendWorker:
        raise NotImplementedError

    async def start(self, request: StartRequest) -> InstanceInfo:
        return await self._never()

    async def get(self, instance_id: str) -> InstanceInfo:
        return self.known or await self._never()

    async def wait(self, instance_id: str, *, timeout: timedelta | None) -> InstanceInfo:
        return await self._never()

    async def raise_event(self, instance_id: str, name: str, payload: str) -> None:
        await self._never()

    async def terminate(self, instance_id: str, *, reason: str) -> None:
        await self._never()

    async def purge(self, instance_id: str) -> None:
        await self._never()

    async def _never(self) -> InstanceInfo:
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()
        raise AssertionError("unreachable")


def info(
    instance_id: str, *, status: Status = Status.RUNNING, reason: str | None = None
) -> InstanceInfo:
    return InstanceInfo(
        instance_id=instance_id,
        run_id="run",
        name="five",
        status=status,
        created_at=_NOW,
        updated_at=_NOW,
        reason=reason,
    )
