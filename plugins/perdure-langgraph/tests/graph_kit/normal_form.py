"""What runs gave, as JSON, so that a plain run and a durable one can be compared."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any

from langchain_core.messages import BaseMessage
from langgraph.types import Interrupt, StateSnapshot
from pydantic import BaseModel

from perdure_langgraph import NodeError

_RANDOM = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{32}\b"
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[\d.:+Z-]*|thread-[0-9a-f]{20}"
)
# Of a model's answer: what differs between any two calls, streamed or not.
_OF_A_CALL = frozenset({"id", "response_metadata", "usage_metadata", "chunk_position"})


def normal(value: Any) -> Any:
    """Return ``value`` as JSON without what is random."""
    return json.loads(_RANDOM.sub("*", json.dumps(_plain(value), ensure_ascii=False)))


def error_as_data(error: Exception) -> dict[str, str]:
    """Return an error; one that cannot be made again comes from a durable run as ``NodeError``."""
    kind = error.type if isinstance(error, NodeError) else type(error).__qualname__
    return {"raised": kind.rpartition(".")[2], "text": str(error)}


def state_as_data(snapshot: StateSnapshot) -> dict[str, Any]:
    """Return what a state says, with those of its sub-graphs."""
    tasks = [
        {
            "name": task.name,
            "interrupts": _plain(list(task.interrupts)),
            "result": _plain(task.result),
            "error": None if task.error is None else "an error",
            "state": state_as_data(task.state) if isinstance(task.state, StateSnapshot) else None,
        }
        for task in snapshot.tasks
    ]
    metadata = snapshot.metadata or {}
    return {
        "values": _plain(snapshot.values),
        "next": sorted(snapshot.next),
        "tasks": sorted(tasks, key=lambda task: json.dumps(task, sort_keys=True)),
        "step": metadata.get("step"),
        "source": metadata.get("source"),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, str | int | float | bool | None) and not isinstance(value, Enum):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(_plain(list(value)), key=repr)
    return _object(value)


def _object(value: Any) -> Any:
    match value:
        case BaseMessage():
            data = value.model_dump(exclude=set(_OF_A_CALL))
            return {**data, "has_id": value.id is not None}
        case Interrupt():
            return {"interrupt": _plain(value.value)}
        case StateSnapshot():
            return state_as_data(value)
        case BaseModel():
            return {type(value).__name__: _plain(dict(value))}
        case Exception():
            # As LangGraph's serializer stores them, too.
            return repr(value)
        case datetime() | date():
            return value.isoformat()
        case Enum():
            return _plain(value.value)
    if dataclasses.is_dataclass(value):
        fields = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
        return {type(value).__name__: _plain(fields)}
    return f"a {type(value).__qualname__}"
