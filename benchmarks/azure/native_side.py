"""Microsoft's own SDK, as its samples have it: ``python -m`` this module.

A worker and an asynchronous client with default options, values as they are, activities that are
plain functions: it has no others. Its loggers are off below warnings, which is to its advantage.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from typing import TYPE_CHECKING, Any

from durabletask import task
from durabletask.azuremanaged.client import AsyncDurableTaskSchedulerClient
from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker
from durabletask.client import OrchestrationStatus

from benchmarks.beside.serving import serve
from benchmarks.beside.workloads import STARTS_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from benchmarks.beside.workloads import Job

_LONGEST_SECONDS = 600


def echo(context: task.ActivityContext, value: int) -> int:
    """Give the value back."""
    return value


def chain(context: task.OrchestrationContext, steps: int) -> Generator[Any, Any, int]:
    """Run activities one after the other."""
    value = 0
    for number in range(steps):
        value = yield context.call_activity(echo, input=number)
    return value


def fan_out(context: task.OrchestrationContext, width: int) -> Generator[Any, Any, int]:
    """Run activities all at once."""
    return sum(
        (
            yield task.when_all(
                [context.call_activity(echo, input=number) for number in range(width)]
            )
        )
    )


class NativeSide:
    """A worker and a client between connect and disconnect."""

    def __init__(self) -> None:
        endpoint = os.environ["ENDPOINT"]
        self._where: dict[str, Any] = {
            "host_address": endpoint,
            "taskhub": os.environ["TASKHUB"],
            "secure_channel": endpoint.startswith("https://"),
            "token_credential": None,
        }
        self._worker: Any  # its methods have no types
        self._client: AsyncDurableTaskSchedulerClient

    async def connect(self) -> None:
        """Start a worker and make a client."""
        self._worker = DurableTaskSchedulerWorker(**self._where)
        self._worker.add_orchestrator(chain)
        self._worker.add_orchestrator(fan_out)
        self._worker.add_activity(echo)
        self._worker.start()
        self._client = AsyncDurableTaskSchedulerClient(**self._where)

    async def run(self, job: Job, instance_ids: Sequence[str]) -> list[int]:
        """Do a job."""
        client = self._client
        starting = asyncio.Semaphore(STARTS_AT_ONCE)

        async def one(instance_id: str) -> int:
            async with starting:
                await client.schedule_new_orchestration(
                    job.shape, input=job.size, instance_id=instance_id
                )
            state = await client.wait_for_orchestration_completion(
                instance_id, timeout=_LONGEST_SECONDS
            )
            assert state is not None
            assert state.runtime_status is OrchestrationStatus.COMPLETED
            assert state.serialized_output is not None
            result: int = json.loads(state.serialized_output)
            return result

        return await asyncio.gather(*(one(instance_id) for instance_id in instance_ids))

    async def disconnect(self) -> None:
        """Stop the worker and close the client."""
        await self._client.close()
        self._worker.stop()


if __name__ == "__main__":
    logging.disable(logging.INFO)
    serve(NativeSide())
