"""Dapr's SDK: the only module that imports it, and what the bridge needs of it.

Its workflow client is left aside: it turns payloads such as ``0`` and ``[]`` into null, and a
timeout of 0 into none at all.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from perdure.spi.bridge import Sdk
from perdure_dapr.isolation import isolate
from perdure_dapr.numbers import numbers

isolate()

from dapr.ext.workflow._durabletask import task, worker  # noqa: E402 - not before isolate()
from dapr.ext.workflow._durabletask.internal import (  # noqa: E402
    orchestrator_service_pb2_grpc,
    protos,
)
from dapr.ext.workflow._durabletask.internal import shared as _shared  # noqa: E402
from dapr.proto import api_service_v1, api_v1  # noqa: E402
from google.protobuf.empty_pb2 import Empty  # noqa: E402
from google.protobuf.timestamp_pb2 import Timestamp  # noqa: E402
from google.protobuf.wrappers_pb2 import StringValue  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from perdure.spi.bridge import SdkTask

__all__ = [
    "ActivityExecutor",
    "ConcurrencyOptions",
    "Empty",
    "NonDeterminismError",
    "OrchestrationExecutor",
    "Registry",
    "StringValue",
    "TaskHubGrpcWorker",
    "Timestamp",
    "metadata_request",
    "pb",
    "sdk_of_dapr",
    "shared",
    "sidecar_stub",
    "workflow_stub",
]

# The generated modules have no types that hold for both versions of the SDK.
pb: Any = protos
shared: Any = _shared
TaskHubGrpcWorker: Any = worker.TaskHubGrpcWorker
OrchestrationExecutor: Any = worker._OrchestrationExecutor
ActivityExecutor: Any = worker._ActivityExecutor
ConcurrencyOptions: Any = worker.ConcurrencyOptions
NonDeterminismError = task.NonDeterminismError
Registry: Any = worker._Registry


def workflow_stub(channel: Any) -> Any:
    """Return the stub of the workflow service."""
    return orchestrator_service_pb2_grpc.TaskHubSidecarServiceStub(channel)  # type: ignore[no-untyped-call]  # generated


def sidecar_stub(channel: Any) -> Any:
    """Return the stub of the sidecar's own service."""
    return api_service_v1.DaprStub(channel)  # type: ignore[no-untyped-call]  # generated


def metadata_request() -> Any:
    """Return the question for what the sidecar says of itself."""
    return api_v1.GetMetadataRequest()


def sdk_of_dapr() -> Sdk:
    """Return the SDK's classes for the bridge."""
    return Sdk(
        composite_task=task.CompositeTask,
        completable_task=task.CompletableTask,
        non_determinism_error=task.NonDeterminismError,
        encodes_custom_status=False,
        listen=_listen,
        create_timer=_create_timer,
        call_activity=_call_activity,
        detaches_children=True,
    )


def _listen(context: Any, name: str) -> SdkTask:
    """Take the next event of a name.

    As ``wait_for_external_event`` does, but for the timer that never fires, which it writes to the
    history and to the scheduler with every wait.
    """
    heard: Any = task.CompletableTask()  # type: ignore[no-untyped-call]  # the SDK has none here
    folded = name.casefold()
    received = context._received_events.get(folded)
    if received:
        heard.complete(received.pop(0))
        if not received:
            del context._received_events[folded]
    else:
        context._pending_events.setdefault(folded, []).append(heard)
    return heard  # type: ignore[no-any-return]


def _create_timer(context: Any, fire_at: datetime, text: str) -> SdkTask:
    """Create a timer that bears ``text`` in the history, under a number of our own."""
    counted = context._sequence_number
    number = numbers().for_timer()
    context._sequence_number = number - 1
    timer: Any = context.create_timer_internal(fire_at, origin=pb.TimerOriginCreateTimer())
    context._sequence_number = counted
    if text:
        context._pending_actions[number].createTimer.name = text
    return timer  # type: ignore[no-any-return]


def _call_activity(context: Any, name: str, make_text: Callable[[], str], run_mark: str) -> SdkTask:
    """Schedule an activity.

    As ``call_activity`` does, but for the UUID that it derives anew with each replay and writes to
    history. It is there so that the sidecar tells the activities of a run from those of an earlier
    run of the same instance, for which the mark of the run is as good.
    """
    called: Any = task.CompletableTask()  # type: ignore[no-untyped-call]  # the SDK has none here
    known = numbers()
    is_known = known.holds_next_activity
    number = known.for_activity()
    if is_known:
        # Of what history has the SDK compares the name, and it sends nothing.
        context._pending_actions[number] = _scheduled(name)
        context._pending_tasks[number] = called
        return called  # type: ignore[no-any-return]
    # With a task given, the input is taken as JSON text.
    context.call_activity_function_helper(
        number, name, input=make_text(), fn_task=called, task_execution_id=run_mark
    )
    return called  # type: ignore[no-any-return]


@functools.cache
def _scheduled(name: str) -> Any:
    return pb.WorkflowAction(scheduleTask=pb.ScheduleTaskAction(name=name))
