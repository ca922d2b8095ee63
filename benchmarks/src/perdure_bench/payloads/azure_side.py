"""Microsoft's own SDK for the probes, with its default options: ``python -m`` this module.

A scheduler on TLS gets the token of ``DefaultAzureCredential``.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from durabletask import task
from durabletask.azuremanaged.client import AsyncDurableTaskSchedulerClient
from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker

from perdure_bench.payloads.generators import give, take, workflows
from perdure_bench.payloads.native import NativeProber
from perdure_bench.payloads.probing import serve

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.credentials_async import AsyncTokenCredential

    from perdure_bench.payloads.kinds import Kind


class AzureProber(NativeProber):
    """A worker and a client between connect and disconnect."""

    def __init__(self) -> None:
        endpoint = os.environ["ENDPOINT"]
        self._where: dict[str, Any] = {
            "host_address": endpoint,
            "taskhub": os.environ["TASKHUB"],
            "secure_channel": endpoint.startswith("https://"),
        }
        self._worker: Any  # its methods have no types
        self._client: AsyncDurableTaskSchedulerClient

    async def connect(self) -> None:
        """Start a worker and make a client."""
        self._worker = DurableTaskSchedulerWorker(**self._where, token_credential=self._token())
        for workflow in workflows(task.when_all):
            self._worker.add_orchestrator(workflow)
        for activity in (take, give):
            self._worker.add_activity(activity)
        self._worker.start()
        self._client = AsyncDurableTaskSchedulerClient(
            **self._where, token_credential=self._async_token()
        )

    def _token(self) -> TokenCredential | None:
        if not self._where["secure_channel"]:
            return None
        from azure.identity import DefaultAzureCredential

        return DefaultAzureCredential()

    def _async_token(self) -> AsyncTokenCredential | None:
        if not self._where["secure_channel"]:
            return None
        from azure.identity.aio import DefaultAzureCredential

        return DefaultAzureCredential()

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

    async def disconnect(self) -> None:
        """Stop the worker and close the client."""
        await self._client.close()
        self._worker.stop()


if __name__ == "__main__":
    logging.disable(logging.INFO)
    serve(AzureProber())
