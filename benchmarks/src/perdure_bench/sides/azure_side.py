"""Microsoft's own SDK, as its samples have it: ``python -m`` this module.

A worker and an asynchronous client with default options, values as they are, activities that are
plain functions: it has no others. Its loggers are off below warnings, which is to its advantage.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from durabletask import task
from durabletask.client import OrchestrationStatus

from perdure_bench.sides.azure_connection import AzureConnection
from perdure_bench.sides.generators import activities, workflows
from perdure_bench.sides.serving import serve

if TYPE_CHECKING:
    from perdure_bench.sides.jobs import Shape

_LONGEST_SECONDS = 600


class NativeSide(AzureConnection):
    """A worker and a client between connect and disconnect."""

    async def connect(self) -> None:
        """Start a worker and make a client."""
        functions = activities()
        orchestrators = workflows(
            functions,
            when_all=task.when_all,
            call_child=lambda context, child, given: context.call_sub_orchestrator(
                child, input=given
            ),
        )
        self.open(orchestrators.values(), functions.values())

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


if __name__ == "__main__":
    logging.disable(logging.INFO)
    serve(NativeSide())
