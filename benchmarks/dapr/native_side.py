"""Dapr's own SDK, as its documentation has it: ``python -m`` this module.

Its loggers are off below warnings, which is to its advantage: it writes two lines for each work
item otherwise.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from dapr.ext.workflow import WorkflowRuntime, when_all
from dapr.ext.workflow.aio import DaprWorkflowClient

from benchmarks.beside.serving import serve
from benchmarks.beside.workloads import STARTS_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from benchmarks.beside.workloads import Job


def _programs() -> tuple[Callable[..., Any], dict[str, Callable[..., Any]]]:
    """Return the activity and the workflows; new ones, as the SDK registers a function once."""

    async def echo(context: object, value: int) -> int:
        return value

    def chain(context: Any, steps: int) -> Generator[Any, Any, int]:
        value = 0
        for number in range(steps):
            value = yield context.call_activity(echo, input=number)
        return value

    def fan_out(context: Any, width: int) -> Generator[Any, Any, int]:
        return sum(
            (yield when_all([context.call_activity(echo, input=number) for number in range(width)]))
        )

    return echo, {"chain": chain, "fan_out": fan_out}


class NativeSide:
    """A workflow runtime between connect and disconnect, and a client."""

    def __init__(self) -> None:
        self._runtime: Any  # its methods have no types
        self._client: DaprWorkflowClient | None = None
        self._workflows: dict[str, Callable[..., Any]] = {}

    async def connect(self) -> None:
        """Start a runtime and a client."""
        echo, self._workflows = _programs()
        self._runtime = WorkflowRuntime()
        self._runtime.register_activity(echo)
        for workflow in self._workflows.values():
            self._runtime.register_workflow(workflow)
        self._runtime.start()
        self._runtime.wait_for_worker_ready()
        # It cannot be closed, so there is one for as long as the process lives.
        self._client = self._client or DaprWorkflowClient()

    async def run(self, job: Job, instance_ids: Sequence[str]) -> list[int]:
        """Do a job."""
        client, workflow = self._client, self._workflows[job.shape]
        assert client is not None
        starting = asyncio.Semaphore(STARTS_AT_ONCE)

        async def one(instance_id: str) -> int:
            async with starting:
                await client.schedule_new_workflow(
                    workflow, input=job.size, instance_id=instance_id
                )
            state = await client.wait_for_workflow_completion(instance_id)
            assert state is not None
            result: int = json.loads(state.serialized_output)
            return result

        return await asyncio.gather(*(one(instance_id) for instance_id in instance_ids))

    async def disconnect(self) -> None:
        """Stop the runtime."""
        self._runtime.shutdown()


if __name__ == "__main__":
    logging.disable(logging.INFO)
    serve(NativeSide())
