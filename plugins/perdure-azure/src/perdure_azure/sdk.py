"""Microsoft's SDK: the only module that imports it, and what the bridge needs of it.

Its client is left aside: each call has a deadline here, is made again where that does no harm, and
fails with an error of ours.
"""

from __future__ import annotations

import functools
import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure.spi.bridge import SdkTask

__all__ = [
    "ActivityCall",
    "ActivityContext",
    "ConcurrencyOptions",
    "DTSDefaultClientInterceptorImpl",
    "DurableTaskSchedulerWorker",
    "Empty",
    "ExecutionResults",
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
ExecutionResults: Any = worker.ExecutionResults
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
        """Return what JSON text says, whatever the type; the text for who reads it later."""
        if target_type is _Unread:
            return data
        return json.loads(data) if data else None

    def coerce(self, value: Any, target_type: type | None = None) -> Any:
        """Return ``value`` as it is."""
        return value

    def can_reconstruct(self, target_type: Any) -> bool:
        """Return that no type is."""
        return False


class _Unread:
    """The type that is expected of what is read only if it is not known."""


class ActivityCall(task.CompletableTask[Any]):
    """A call of an activity, whose result is read when it is asked for."""

    def __init__(self) -> None:
        super().__init__(_Unread)

    def get_result(self) -> Any:
        """Return the result."""
        return json.loads(super().get_result() or "null")


class _Watcher:
    """What a task takes for a composite that it is part of."""

    __slots__ = ("on_child_completed",)

    def __init__(self, notify: Callable[[SdkTask], None]) -> None:
        self.on_child_completed = notify


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
        call_activity=_call_activity,
        watch=_watch,
        answer_of=_answer_of,
        # What the scheduler does with a child whose id is taken, and what it tells the parent of a
        # child that is ended by force, is not documented.
        detaches_children=True,
    )


def _call_activity(context: Any, name: str, make_text: Callable[[], str], run_mark: str) -> SdkTask:
    """Schedule an activity.

    As ``call_activity`` does, but for what it makes anew with each replay of a command that history
    has: of that the SDK compares the name, and sends nothing.
    """
    called: Any = ActivityCall()
    number = context.next_sequence_number()
    if number in context.recorded:
        context._pending_actions[number] = _scheduled(name)
        context._pending_tasks[number] = called
    else:
        # With a task given, the input is taken as JSON text.
        context.call_activity_function_helper(number, name, input=make_text(), fn_task=called)
    return called  # type: ignore[no-any-return]


@functools.cache
def _scheduled(name: str) -> Any:
    return pb.OrchestratorAction(scheduleTask=pb.ScheduleTaskAction(name=name))


def _watch(watched: Any, notify: Callable[[SdkTask], None]) -> None:
    if watched.is_complete:
        notify(watched)
    else:
        watched._parents[id(notify)] = _Watcher(notify)


def _answer_of(told: Any) -> object:
    # A text is compared sooner than what it says is read.
    return told._result if isinstance(told, ActivityCall) else told.get_result()
