"""A backend as clients see it: payloads go in and come out plain, however they are stored."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from perdure.errors import InstanceNotFoundError, PayloadError, PayloadStoreError
from perdure.payloads.places import payloads_of, plain_event, what_of, without_root
from perdure.spi.backend import Backend

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from perdure.payloads.pipeline import PayloadPipeline
    from perdure.spi.backend import (
        BackendWorker,
        Capability,
        Health,
        InstanceFilter,
        InstancePage,
        StartRequest,
    )
    from perdure.spi.history import HistoryEvent
    from perdure.spi.program import Program
    from perdure.types import InstanceInfo


class PayloadBackend(Backend):
    """See :class:`perdure.spi.Backend`. What it does beside is in each method's docstring.

    Attributes:
        payloads: How payloads are stored.
    """

    def __init__(self, backend: Backend, payloads: PayloadPipeline) -> None:
        self.name = backend.name
        self.payload_limit = backend.payload_limit
        self.payloads = payloads
        self._backend = backend

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Those of the backend."""
        return self._backend.capabilities

    async def open(self) -> None:
        """Open the backend."""
        await self._backend.open()

    async def close(self) -> None:
        """Close the backend."""
        await self._backend.close()

    def worker(self, program: Program) -> BackendWorker:
        """Return a worker of the backend; the program sees to its payloads itself."""
        return self._backend.worker(program)

    async def start(self, request: StartRequest) -> InstanceInfo:
        """Store the arguments under the new instance's prefix, then start it."""
        plain = request.arguments
        if not self.payloads.passes(plain):
            what = f"arguments of workflow {request.workflow!r}"
            stored = await self.payloads.store_async(plain, root=request.instance_id, what=what)
            request = replace(request, arguments=stored)
        return self._light(await self._backend.start(request))

    async def get(self, instance_id: str) -> InstanceInfo:
        """Return what is known; payloads that lie in the store are not fetched."""
        return self._light(await self._backend.get(instance_id))

    async def wait(self, instance_id: str, *, timeout: timedelta | None) -> InstanceInfo:
        """Wait, and fetch the result.

        Raises:
            PayloadError: It cannot be read.
            PayloadStoreError: The payload store cannot be reached.
        """
        info = await self._backend.wait(instance_id, timeout=timeout)
        if info.output_json is not None and self.payloads.must_fetch(info.output_json):
            what = f"result of workflow instance {instance_id!r}"
            plain = await self.payloads.read_async(info.output_json, what=what)
            return replace(self._light(replace(info, output_json=None)), output_json=plain)
        if info.output_json is not None:
            # Where it cannot be read, whoever waits for it must know why.
            what = f"result of workflow instance {instance_id!r}"
            plain = self.payloads.read(info.output_json, what=what)
            if plain is not info.output_json:
                return replace(self._light(replace(info, output_json=None)), output_json=plain)
        return self._light(info)

    async def raise_event(self, instance_id: str, name: str, payload: str) -> None:
        """Store the payload under the instance's prefix, then deliver the event."""
        if not self.payloads.passes(payload):
            what = f"event {name!r}"
            payload = await self.payloads.store_async(payload, root=instance_id, what=what)
        await self._backend.raise_event(instance_id, name, payload)

    async def terminate(self, instance_id: str, *, reason: str) -> None:
        """End an instance by force."""
        await self._backend.terminate(instance_id, reason=reason)

    async def purge(self, instance_id: str) -> None:
        """Delete a finished instance, and then what lies under its prefix in the store.

        An object that is written again meanwhile, for a new instance of that id, stays.
        """
        keeper = self.payloads.keeper
        if keeper is None:
            await self._backend.purge(instance_id)
            return
        found = await keeper.snapshot_async(instance_id)
        await self._backend.purge(instance_id)
        await keeper.remove_async(instance_id, found)

    async def suspend(self, instance_id: str, *, reason: str) -> None:
        """Hold an instance."""
        await self._backend.suspend(instance_id, reason=reason)

    async def resume(self, instance_id: str, *, reason: str) -> None:
        """Lift the hold."""
        await self._backend.resume(instance_id, reason=reason)

    async def restart(self, instance_id: str, *, from_command: int | None) -> InstanceInfo:
        """Run a finished instance again."""
        return self._light(await self._backend.restart(instance_id, from_command=from_command))

    async def query(
        self, filter: InstanceFilter, *, page_size: int, token: str | None
    ) -> InstancePage:
        """Return one page; payloads that lie in the store are not fetched."""
        page = await self._backend.query(filter, page_size=page_size, token=token)
        return replace(page, items=tuple(map(self._light, page.items)))

    async def history(
        self, instance_id: str, *, run_id: str | None = None
    ) -> Sequence[HistoryEvent]:
        """Return a journal with plain payloads; what cannot be read stays as it is stored."""
        journal = await self._backend.history(instance_id, run_id=run_id)
        return await asyncio.gather(*map(self._plain, journal)) if journal else journal

    async def sweep(self, *, grace: timedelta) -> int:
        """Remove what lies in the store for no instance; return how many objects.

        What somebody has written between the two looks stays.
        """
        keeper = self.payloads.keeper
        if keeper is None:
            return 0
        roots = await keeper.roots_async()
        orphans = {
            root: await keeper.snapshot_async(root) for root in roots if await self._is_gone(root)
        }
        if orphans:
            await asyncio.sleep(grace.total_seconds())
        removed = 0
        for root, found in orphans.items():
            if await self._is_gone(root):
                removed += await keeper.remove_async(root, found)
        return removed

    async def _is_gone(self, instance_id: str) -> bool:
        try:
            await self._backend.get(instance_id)
        except InstanceNotFoundError:
            return True
        return False

    async def health(self) -> Health:
        """Probe the backend."""
        return await self._backend.health()

    async def _plain(self, event: HistoryEvent) -> HistoryEvent:
        read = [await self._try_to_read(text, event) for text in payloads_of(event)]
        return plain_event(event, read)

    async def _try_to_read(self, stored: str, event: HistoryEvent) -> str:
        try:
            return await self.payloads.read_async(stored, what=what_of(event))
        except (PayloadError, PayloadStoreError):
            return stored

    def _light(self, info: InstanceInfo) -> InstanceInfo:
        """Return ``info`` with those payloads plain that are at hand and can be read."""
        changes: dict[str, Any] = {}
        for field in ("input_json", "output_json", "custom_status_json"):
            stored = getattr(info, field)
            if stored is not None:
                plain = self._at_hand(stored)
                if plain is not stored:
                    changes[field] = plain
        headers = without_root(info.headers)
        if headers is not info.headers:
            changes["headers"] = headers
        return replace(info, **changes) if changes else info

    def _at_hand(self, stored: str) -> str:
        if self.payloads.must_fetch(stored):
            return stored
        try:
            return self.payloads.read(stored, what="a payload")
        except PayloadError:
            return stored
