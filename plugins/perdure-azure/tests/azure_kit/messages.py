"""The scheduler's messages, as tests need them: real ones."""

from __future__ import annotations

import json
from typing import Any

from perdure.spi.bridge import StartEnvelope, encode_start, to_text
from perdure_azure import sdk

FIRST_US = 1_700_000_000_000_000


def start_text(**fields: Any) -> str:
    """Return the input of a run as it stands on the wire."""
    given = {"run_id": "run-1", "seed": "run-1", "arguments": '{"city":"Oslo"}', **fields}
    return to_text(encode_start(StartEnvelope(**given)))


def timestamp(us: int) -> Any:
    """Return an instant, in microseconds since 1970."""
    return sdk.Timestamp(seconds=us // 1_000_000, nanos=us % 1_000_000 * 1_000)


def status_number(status: str) -> int:
    """Return the scheduler's number of a status."""
    number: int = sdk.pb.OrchestrationStatus.Value(f"ORCHESTRATION_STATUS_{status}")
    return number


def state(status: str = "RUNNING", **fields: Any) -> Any:
    """Return a state of an instance that runs, unless ``fields`` say otherwise."""
    texts: dict[str, Any] = {
        name: sdk.StringValue(value=fields.pop(name))
        for name in ("input", "output", "customStatus")
        if name in fields
    }
    texts.setdefault("input", sdk.StringValue(value=start_text()))
    given = {
        "instanceId": "trip-1",
        "name": "plan_trip",
        "createdTimestamp": timestamp(FIRST_US),
        "lastUpdatedTimestamp": timestamp(FIRST_US + 5_000_000),
        **texts,
        **fields,
    }
    return sdk.pb.OrchestrationState(orchestrationStatus=status_number(status), **given)


def event(kind: str, *, id: int = -1, at_us: int = FIRST_US, **fields: Any) -> Any:
    """Return an event of a history."""
    made = sdk.pb.HistoryEvent(eventId=id, timestamp=timestamp(at_us))
    inner = getattr(made, kind)
    inner.SetInParent()
    for name, value in fields.items():
        field = inner.DESCRIPTOR.fields_by_name[name]
        if isinstance(value, dict):
            getattr(inner, name).MergeFrom(field.message_type._concrete_class(**value))
        elif field.message_type is not None and field.message_type.name == "StringValue":
            getattr(inner, name).value = value if isinstance(value, str) else json.dumps(value)
        elif field.message_type is not None:
            getattr(inner, name).CopyFrom(value)
        else:
            setattr(inner, name, value)
    return made
