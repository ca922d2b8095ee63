"""One file with several engines on it, a clock moved by hand, and ways to end an engine badly."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from perdure._program import RegistryProgram
from perdure.embedded import create_backend
from perdure.embedded.backend import EmbeddedBackend
from perdure.spi import InstanceFilter, StartRequest
from perdure.testing import ManualClock
from perdure.types import Status

if TYPE_CHECKING:
    from pathlib import Path

    from perdure import Registry
    from perdure.embedded.engine import Engine
    from perdure.spi import BackendWorker
    from perdure.spi.history import HistoryEvent
    from perdure.types import InstanceInfo

PATIENCE = timedelta(seconds=10)


class Node:
    """One engine, as a process of its own would have it."""

    def __init__(self, backend: EmbeddedBackend, worker: BackendWorker | None) -> None:
        self.backend = backend
        self.worker = worker

    @property
    def engine(self) -> Engine:
        assert self.backend._engine is not None
        return self.backend._engine

    async def start(self, workflow: str, instance_id: str = "i", /, **options: Any) -> InstanceInfo:
        arguments = json.dumps(options.pop("arguments", {}))
        request = StartRequest(
            workflow=workflow, instance_id=instance_id, arguments=arguments, **options
        )
        return await self.backend.start(request)

    async def finished(self, instance_id: str = "i") -> InstanceInfo:
        return await self.backend.wait(instance_id, timeout=PATIENCE)

    async def result(self, instance_id: str = "i") -> Any:
        info = await self.finished(instance_id)
        assert info.status is Status.COMPLETED, info
        assert info.output_json is not None
        return json.loads(info.output_json)

    async def status(self, instance_id: str = "i") -> Status:
        return (await self.backend.get(instance_id)).status

    async def event(self, name: str, payload: object = None, *, instance_id: str = "i") -> None:
        await self.backend.raise_event(instance_id, name, json.dumps(payload))

    async def listed(self, **conditions: Any) -> tuple[InstanceInfo, ...]:
        filter = InstanceFilter(**conditions)
        return (await self.backend.query(filter, page_size=1000, token=None)).items

    async def kinds(self, instance_id: str = "i") -> list[str]:
        return [type(event).__name__ for event in await self.history(instance_id)]

    async def history(self, instance_id: str = "i") -> list[HistoryEvent]:
        return list(await self.backend.history(instance_id))

    async def settle(self) -> None:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            await self.backend.settle()

    def crash(self) -> None:
        """End without a word, as a killed process does: nothing is written, the lock is let go."""
        engine, self.backend._engine = self.engine, None
        engine.take_no_more()
        engine._forget()
        engine.release()


class Hub:
    """One file, and all engines that were opened on it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "hub.db"
        self.clock = ManualClock()
        self.nodes: list[Node] = []

    async def open(self, registry: Registry | None = None, options: str = "") -> Node:
        """Open an engine, with a worker if there is something to run."""
        backend = create_backend(f"sqlite:///{self.path}{options}", clock=self.clock)
        assert isinstance(backend, EmbeddedBackend)
        await backend.open()
        worker = None
        node = Node(backend, worker)
        self.nodes.append(node)
        if registry is not None:
            node.worker = backend.worker(RegistryProgram(registry, clock=self.clock))
            await node.worker.start()
        return node

    async def advance(self, seconds: float) -> None:
        """Let time pass, and wait until all that is due is done."""
        until_us = self.clock.now_us() + round(seconds * 1_000_000)
        await self.settle()
        while (due_us := self.clock.next_deadline_us()) is not None and due_us <= until_us:
            self.clock.move_to(due_us)
            await self.settle()
        self.clock.move_to(until_us)
        await self.settle()

    async def settle(self) -> None:
        for node in self.nodes:
            if node.backend._engine is not None:
                await node.settle()

    async def close(self) -> None:
        for node in self.nodes:
            if node.worker is not None and node.backend._engine is not None:
                await node.worker.stop()
            await node.backend.close()
