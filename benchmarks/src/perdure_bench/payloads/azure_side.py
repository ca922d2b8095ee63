"""Microsoft's own SDK for the probes, with its default options: ``python -m`` this module."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from durabletask import task

from perdure_bench.payloads.generators import give, take, workflows
from perdure_bench.payloads.native import NativeProber
from perdure_bench.payloads.probing import serve
from perdure_bench.sides.azure_connection import AzureConnection

if TYPE_CHECKING:
    from perdure_bench.payloads.kinds import Kind


class AzureProber(AzureConnection, NativeProber):
    """A worker and a client between connect and disconnect."""

    async def connect(self) -> None:
        """Start a worker and make a client."""
        self.open(workflows(task.when_all), (take, give))

    async def start(self, kind: Kind, given: str | int, instance_id: str) -> None:
        """Start an instance."""
        await self._client.schedule_new_orchestration(
            kind.replace(" ", "_"), input=given, instance_id=instance_id
        )

    async def raise_event(self, text: str, instance_id: str) -> None:
        """Raise the event."""
        await self._client.raise_orchestration_event(instance_id, "go", data=text)

    async def state(self, instance_id: str, *, with_payloads: bool) -> Any:
        """Look how it stands."""
        return await self._client.get_orchestration_state(instance_id, fetch_payloads=with_payloads)

    async def terminate(self, instance_id: str) -> None:
        """End it by force."""
        await self._client.terminate_orchestration(instance_id)

    async def purge(self, instance_id: str) -> None:
        """Delete it."""
        await self._client.purge_orchestration(instance_id)


if __name__ == "__main__":
    logging.disable(logging.INFO)
    serve(AzureProber())
