"""Microsoft's own SDK, as its samples have it: ``python -m`` this module.

A worker and an asynchronous client with default options, values as they are, activities that are
plain functions: it has no others. A scheduler on TLS gets the token of ``DefaultAzureCredential``.
Its loggers are off below warnings, which is to its advantage.
"""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING, Any

from durabletask import task
from durabletask.azuremanaged.client import AsyncDurableTaskSchedulerClient
from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker
from durabletask.client import OrchestrationStatus

from perdure_bench.sides.generators import activities, workflows
from perdure_bench.sides.serving import serve

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.credentials_async import AsyncTokenCredential

    from perdure_bench.sides.jobs import Shape

_LONGEST_SECONDS = 600


class NativeSide:
    """A worker and a client between connect and disconnect."""

    def __init__(self) -> None:
        endpoint = os.environ["ENDPOINT"]
        self._where: dict[str, Any] = {
            "host_address": endpoint,
            "taskhub": os.environ["TASKHUB"],
            "secure_channel": endpoint.startswith("https://"),
        }
        self._is_open = not endpoint.startswith("https://")
        self._worker: Any  # its methods have no types
        self._client: AsyncDurableTaskSchedulerClient

    async def connect(self) -> None:
        """Start a worker and make a client."""
        functions = activities()
        self._worker = DurableTaskSchedulerWorker(**self._where, token_credential=self._token())
        for workflow in workflows(
            functions,
            when_all=task.when_all,
            call_child=lambda context, child, given: context.call_sub_orchestrator(
                child, input=given
            ),
        ).values():
            self._worker.add_orchestrator(workflow)
        for activity in functions.values():
            self._worker.add_activity(activity)
        self._worker.start()
        self._client = AsyncDurableTaskSchedulerClient(
            **self._where, token_credential=self._async_token()
        )

    def _token(self) -> TokenCredential | None:
        if self._is_open:
            return None
        from azure.identity import DefaultAzureCredential

        return DefaultAzureCredential()

    def _async_token(self) -> AsyncTokenCredential | None:
        if self._is_open:
            return None
        from azure.identity.aio import DefaultAzureCredential

        return DefaultAzureCredential()

    async def start(self, shape: Shape, size: float, instance_id: str) -> None:
        """Start an instance."""
        given = size if shape == "timer" else int(size)
        await self._client.schedule_new_orchestration(shape, input=given, instance_id=instance_id)

    async def result(self, instance_id: str) -> float:
        """Wait for its result."""
        state = await self._client.wait_for_orchestration_completion(
            instance_id, timeout=_LONGEST_SECONDS
        )
        if state is None or state.runtime_status is not OrchestrationStatus.COMPLETED:
            raise ValueError(f"{instance_id} did not complete: {state}")
        result: float = json.loads(state.serialized_output or "null")
        return result

    async def raise_event(self, instance_id: str) -> None:
        """Raise the event that it waits for."""
        await self._client.raise_orchestration_event(instance_id, "go", data=1)

    async def disconnect(self) -> None:
        """Stop the worker and close the client."""
        await self._client.close()
        self._worker.stop()


if __name__ == "__main__":
    logging.disable(logging.INFO)
    serve(NativeSide())
