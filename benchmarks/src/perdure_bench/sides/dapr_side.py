"""Dapr's own SDK, as its documentation has it: ``python -m`` this module.

Its loggers are off below warnings, which is to its advantage: it writes two lines for each work
item otherwise.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from dapr.ext.workflow import WorkflowRuntime, when_all
from dapr.ext.workflow.aio import DaprWorkflowClient

from perdure_bench.sides.generators import async_activities, workflows
from perdure_bench.sides.serving import serve

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure_bench.sides.jobs import Shape

_LONGEST_SECONDS = 600


class NativeSide:
    """A workflow runtime between connect and disconnect, and a client."""

    def __init__(self) -> None:
        self._runtime: Any  # its methods have no types
        self._client: Any = None
        self._workflows: dict[str, Callable[..., Any]] = {}

    async def connect(self) -> None:
        """Start a runtime and a client."""
        functions = async_activities()
        self._workflows = workflows(
            functions,
            when_all=when_all,
            call_child=lambda context, child, given: context.call_child_workflow(
                child, input=given
            ),
        )
        self._runtime = WorkflowRuntime()
        for activity in functions.values():
            self._runtime.register_activity(activity)
        for workflow in self._workflows.values():
            self._runtime.register_workflow(workflow)
        self._runtime.start()
        self._runtime.wait_for_worker_ready()
        # It cannot be closed, so there is one for as long as the process lives.
        self._client = self._client or DaprWorkflowClient()

    async def start(self, shape: Shape, size: float, instance_id: str) -> None:
        """Start an instance."""
        given = size if shape == "timer" else int(size)
        await self._client.schedule_new_workflow(
            self._workflows[shape], input=given, instance_id=instance_id
        )

    async def result(self, instance_id: str) -> float:
        """Wait for its result."""
        state = await self._client.wait_for_workflow_completion(
            instance_id, timeout_in_seconds=_LONGEST_SECONDS
        )
        if state is None or state.runtime_status.name != "COMPLETED":
            raise ValueError(f"{instance_id} did not complete: {state}")
        result: float = json.loads(state.serialized_output)
        return result

    async def raise_event(self, instance_id: str) -> None:
        """Raise the event that it waits for."""
        await self._client.raise_workflow_event(instance_id, "go", data=1)

    async def disconnect(self) -> None:
        """Stop the runtime."""
        self._runtime.shutdown()


if __name__ == "__main__":
    logging.disable(logging.INFO)
    serve(NativeSide())
