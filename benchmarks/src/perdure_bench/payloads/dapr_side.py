"""Dapr's own SDK for the probes: ``python -m`` this module.

Its limit of gRPC messages is that of ``DAPR_GRPC_MAX_INBOUND_MESSAGE_SIZE_BYTES``, else its own.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from dapr.ext.workflow import WorkflowRuntime, when_all
from dapr.ext.workflow.aio import DaprWorkflowClient
from dapr.ext.workflow.workflow_management import WorkflowHistoryEventType

from perdure_bench.payloads.generators import give, take, workflows
from perdure_bench.payloads.native import NativeProber
from perdure_bench.payloads.probing import serve

if TYPE_CHECKING:
    from collections.abc import Callable

    import grpc

    from perdure_bench.payloads.kinds import Kind


class DaprProber(NativeProber):
    """A workflow runtime and a client between connect and disconnect."""

    def __init__(self) -> None:
        self._runtime: Any  # its methods have no types
        self._client: Any
        self._workflows: dict[str, Callable[..., Any]] = {}

    async def connect(self) -> None:
        """Start a runtime and a client."""
        self._runtime = WorkflowRuntime()
        for activity in (take, give):
            self._runtime.register_activity(activity)
        self._workflows = {each.__name__: each for each in workflows(when_all)}
        for workflow in self._workflows.values():
            self._runtime.register_workflow(workflow)
        self._runtime.start()
        self._runtime.wait_for_worker_ready()
        self._client = DaprWorkflowClient()

    async def start(self, kind: Kind, given: str | int, instance_id: str) -> None:
        """Start an instance."""
        workflow = self._workflows[kind.replace(" ", "_")]
        await self._client.schedule_new_workflow(workflow, input=given, instance_id=instance_id)

    async def raise_event(self, text: str, instance_id: str) -> None:
        """Raise the event."""
        await self._client.raise_workflow_event(instance_id, "go", data=text)

    async def state(self, instance_id: str, *, with_payloads: bool) -> Any:
        """Look how it stands."""
        return await self._client.get_workflow_state(instance_id, fetch_payloads=with_payloads)

    async def stall(self, instance_id: str) -> str:
        """Read the reason in the history."""
        for event in reversed(await self._client.get_workflow_history(instance_id)):
            if event.event_type is WorkflowHistoryEventType.EXECUTION_STALLED:
                return f"its history has {event.event_type.name}"
        return ""

    def is_passing(self, error: grpc.RpcError) -> bool:
        """Return whether the sidecar looked while it was storing."""
        return "missing from state store" in str(error)

    async def terminate(self, instance_id: str) -> None:
        """End it by force."""
        await self._client.terminate_workflow(instance_id)

    async def purge(self, instance_id: str) -> None:
        """Delete it."""
        await self._client.purge_workflow(instance_id)

    async def disconnect(self) -> None:
        """Stop the runtime."""
        self._runtime.shutdown()


if __name__ == "__main__":
    logging.disable(logging.INFO)
    serve(DaprProber())
