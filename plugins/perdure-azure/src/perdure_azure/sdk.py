"""Microsoft's SDK: the only module that imports it, and what the bridge needs of it.

Its client is left aside: each call has a deadline here, is made again where that does no harm, and
fails with an error of ours.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

from durabletask import task, worker
from durabletask.azuremanaged.internal import durabletask_grpc_interceptor
from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker as _Worker
from durabletask.grpc_options import GrpcWorkerResiliencyOptions
from durabletask.internal import helpers, orchestrator_service_pb2, orchestrator_service_pb2_grpc
from durabletask.serialization import DataConverter
from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import StringValue

from perdure.spi.bridge import Sdk

__all__ = [
    "ActivityContext",
    "ConcurrencyOptions",
    "DTSDefaultClientInterceptorImpl",
    "DurableTaskSchedulerWorker",
    "Empty",
    "GrpcWorkerResiliencyOptions",
    "NonDeterminismError",
    "OrchestrationContext",
    "OrchestrationExecutor",
    "Registry",
    "StringValue",
    "Timestamp",
    "TurnManager",
    "WorkItemFilters",
    "filters_for",
    "helpers",
    "pb",
    "plain_json",
    "scheduler_stub",
    "sdk_of_azure",
    "user_agent",
]

# What follows has no types, or types that are private.
pb: Any = orchestrator_service_pb2
DurableTaskSchedulerWorker: Any = _Worker
OrchestrationContext: Any = worker._RuntimeOrchestrationContext
OrchestrationExecutor: Any = worker._OrchestrationExecutor
TurnManager: Any = worker._AsyncWorkerManager
Registry: Any = worker._Registry
DTSDefaultClientInterceptorImpl: Any = durabletask_grpc_interceptor.DTSDefaultClientInterceptorImpl
ActivityContext = task.ActivityContext
ConcurrencyOptions = worker.ConcurrencyOptions
NonDeterminismError = task.NonDeterminismError
WorkItemFilters = worker.WorkItemFilters


class _PlainJson(DataConverter):
    """JSON as it stands: envelopes hold what must come back unchanged as text within."""

    def serialize(self, value: Any) -> str | None:
        """Return ``value`` as JSON text; ``None`` for nothing."""
        return None if value is None else _encode(value)

    def deserialize(self, data: str | None, target_type: type | None = None) -> Any:
        """Return what JSON text says, whatever the type."""
        return json.loads(data) if data else None

    def coerce(self, value: Any, target_type: type | None = None) -> Any:
        """Return ``value`` as it is."""
        return value

    def can_reconstruct(self, target_type: Any) -> bool:
        """Return that no type is."""
        return False


_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
plain_json = _PlainJson()


def scheduler_stub(channel: Any) -> Any:
    """Return the stub of the scheduler."""
    return orchestrator_service_pb2_grpc.TaskHubSidecarServiceStub(channel)  # type: ignore[no-untyped-call]  # generated


def user_agent() -> str:
    """Return what the SDK's own client says it is, so that Azure's logs show the same."""
    return f"durabletask-python/{version('durabletask.azuremanaged')}"


def filters_for(workflows: list[str], activities: list[str]) -> WorkItemFilters:
    """Return the filters by which a scheduler hands out work for these names only."""
    return WorkItemFilters(
        orchestrations=[worker.OrchestrationWorkItemFilter(name=name) for name in workflows],
        activities=[worker.ActivityWorkItemFilter(name=name) for name in activities],
    )


def sdk_of_azure() -> Sdk:
    """Return the SDK's classes for the bridge."""
    return Sdk(
        composite_task=task.CompositeTask,
        completable_task=task.CompletableTask,
        non_determinism_error=task.NonDeterminismError,
        encodes_custom_status=False,
        # What the scheduler does with a child whose id is taken, and what it tells the parent of a
        # child that is ended by force, is not documented.
        detaches_children=True,
    )
