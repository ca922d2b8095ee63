"""History events one by one: as lines for people, and as data for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from perdure.cli.stored import compact_json
from perdure.cli.text import iso, short_duration
from perdure.clock import from_us
from perdure.spi.history import (
    ActivityScheduled,
    ChildStarted,
    ContinuedAsNew,
    EventReceived,
    HistoryEvent,
    TimerCreated,
    WorkflowStarted,
)
from perdure.spi.journal import encode_event

if TYPE_CHECKING:
    from perdure.types import Failure


def event_record(event: HistoryEvent) -> dict[str, Any]:
    """Return an event as data: its kind, when it was, and its fields; payloads are values."""
    data = json.loads(encode_event(event))
    data.pop("v", None)
    del data["at_us"]
    return {"kind": data.pop("k"), "at": iso(from_us(event.at_us)), **data}


def event_words(event: HistoryEvent, names: dict[int, str]) -> tuple[str, str, str]:
    """Return an event's kind, what it is about, and what it carries.

    Args:
        event: The event.
        names: What the commands so far are called, by their ids; this fills it.
    """
    id = getattr(event, "id", None)
    if isinstance(event, ActivityScheduled | ChildStarted | TimerCreated):
        names[event.id] = _command_name(event)
    about = getattr(event, "name", "") if id is None else names.get(id, "")
    if isinstance(event, WorkflowStarted):
        about = event.workflow
    return type(event).__name__, about, _details(event)


def _command_name(event: ActivityScheduled | ChildStarted | TimerCreated) -> str:
    if isinstance(event, TimerCreated):
        return f"sleep {short_duration((event.fire_at_us - event.at_us) / 1e6)}"
    return event.name if isinstance(event, ActivityScheduled) else event.workflow


def _details(event: HistoryEvent) -> str:
    failure: Failure | None = getattr(event, "failure", None)
    if failure is not None:
        return f"{failure.type}: {failure.message}"
    match event:
        case ActivityScheduled(attempt=attempt, arguments=arguments) if attempt > 1:
            return f"attempt {attempt} {compact_json(arguments)}"
        case ActivityScheduled() | ChildStarted() | WorkflowStarted() | ContinuedAsNew():
            return compact_json(event.arguments)
        case EventReceived(payload=payload):
            return compact_json(payload)
        case _:
            text = getattr(event, "result", None)
            return getattr(event, "reason", "") if text is None else compact_json(text)
