"""What a workflow may ask for, as the protocol says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from durabletask.internal import orchestrator_service_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


def schedule(
    task_id: int, name: str = "act", payload: str | None = None, **fields: Any
) -> pb.OrchestratorAction:
    task = pb.ScheduleTaskAction(name=name, input=_text(payload), **fields)
    return pb.OrchestratorAction(id=task_id, scheduleTask=task)


def start_child(
    task_id: int, instance_id: str, name: str = "child", **fields: Any
) -> pb.OrchestratorAction:
    child = pb.CreateSubOrchestrationAction(instanceId=instance_id, name=name, **fields)
    return pb.OrchestratorAction(id=task_id, createSubOrchestration=child)


def timer(task_id: int, fire_at: datetime) -> pb.OrchestratorAction:
    created = pb.CreateTimerAction()
    created.fireAt.FromDatetime(fire_at)
    return pb.OrchestratorAction(id=task_id, createTimer=created)


def send(
    task_id: int, instance_id: str, name: str, data: str | None = None
) -> pb.OrchestratorAction:
    event = pb.SendEventAction(name=name, data=_text(data))
    event.instance.instanceId = instance_id
    return pb.OrchestratorAction(id=task_id, sendEvent=event)


def finish(
    result: str | None = None,
    *,
    status: pb.OrchestrationStatus = pb.ORCHESTRATION_STATUS_COMPLETED,
    **fields: Any,
) -> pb.OrchestratorAction:
    done = pb.CompleteOrchestrationAction(
        orchestrationStatus=status, result=_text(result), **fields
    )
    return pb.OrchestratorAction(id=99, completeOrchestration=done)


def continue_as_new(
    payload: str | None = None, *, carry: Mapping[str, str | None] | None = None, **fields: Any
) -> pb.OrchestratorAction:
    events = [raised(name, data) for name, data in (carry or {}).items()]
    status = pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW
    return finish(payload, status=status, carryoverEvents=events, **fields)


def raised(name: str, data: str | None = None) -> pb.HistoryEvent:
    event = pb.EventRaisedEvent(name=name, input=_text(data))
    return pb.HistoryEvent(eventId=-1, eventRaised=event)


def _text(value: str | None) -> Any:
    return None if value is None else {"value": value}


def kinds(events: Any) -> list[str]:
    """Name the events of a history."""
    return [event.WhichOneof("eventType") for event in events]
