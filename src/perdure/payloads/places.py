"""Where payloads stand in history events, what to call them, and which root they belong to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from perdure.payloads.envelope import is_marked
from perdure.spi import history

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perdure.spi.history import ChildStarted, HistoryEvent, WorkflowStarted

ROOT_HEADER = "perdure-root"
"""The header by which a child knows the instance whose prefix its payloads are under."""

INPUT_PAYLOADS: dict[type[HistoryEvent], str] = {
    history.WorkflowStarted: "arguments",
    history.ActivityCompleted: "result",
    history.ChildCompleted: "result",
    history.EventReceived: "payload",
}
COMMAND_PAYLOADS: dict[type[HistoryEvent], str] = {
    history.ActivityScheduled: "arguments",
    history.ChildStarted: "arguments",
    history.Completed: "result",
    history.ContinuedAsNew: "arguments",
}
_CARRIERS = (history.WorkflowStarted, history.ContinuedAsNew)
_PAYLOADS = {**INPUT_PAYLOADS, **COMMAND_PAYLOADS}


def payloads_of(event: Any) -> list[str]:
    """Return the payloads that an event holds."""
    field = _PAYLOADS.get(type(event))
    if field is None:
        return []
    carried = getattr(event, "carried", ())
    return [getattr(event, field), *(buffered.payload for buffered in carried)]


def is_untouched(event: Any) -> bool:
    """Return whether an event has no payload in an envelope; ``False`` also means unsure."""
    kind = type(event)
    field = _PAYLOADS.get(kind)
    return field is None or not (kind in _CARRIERS or is_marked(getattr(event, field)))


def plain_event(event: Any, payloads: list[str]) -> HistoryEvent:
    """Return an event with other payloads, in the order of :func:`payloads_of`."""
    changes: dict[str, Any] = {}
    if payloads and payloads != payloads_of(event):
        changes[_PAYLOADS[type(event)]] = payloads[0]
        if carried := getattr(event, "carried", ()):
            changes["carried"] = tuple(
                replace(buffered, payload=payload)
                for buffered, payload in zip(carried, payloads[1:], strict=True)
            )
    headers = getattr(event, "headers", {})
    if ROOT_HEADER in headers:
        changes["headers"] = without_root(headers)
    return changed(event, changes)


def changed(event: Any, changes: dict[str, Any]) -> HistoryEvent:
    """Return an event with some of its fields changed."""
    other: HistoryEvent = replace(event, **changes) if changes else event
    return other


def what_of(event: Any) -> str:
    """Return what to call an event's payload in a message."""
    if isinstance(event, history.WorkflowStarted):
        return f"arguments of workflow instance {event.instance_id!r}"
    if isinstance(event, history.ActivityScheduled):
        return f"arguments of activity {event.name!r} (command {event.id})"
    if isinstance(event, history.ChildStarted):
        return f"arguments of child {event.instance_id!r} (command {event.id})"
    if isinstance(event, history.EventReceived):
        return f"event {event.name!r}"
    if isinstance(event, history.ActivityCompleted | history.ChildCompleted):
        return f"result of command {event.id}"
    if isinstance(event, history.Completed):
        return "result of the workflow"
    return "arguments of the next run"


def root_of_start(started: WorkflowStarted) -> str:
    """Return the root of a run."""
    return started.headers.get(ROOT_HEADER) or started.instance_id


def named_root(child: ChildStarted) -> str | None:
    """Return the root that a child's payloads belong to, if it is not the parent's.

    An abandoned child outlives its parent, and so must its payloads.
    """
    return child.instance_id if child.on_parent_end == "abandon" else None


def with_root(child: ChildStarted, root: str) -> ChildStarted:
    """Return the start of a child with its root noted."""
    headers = without_root(child.headers)
    if named_root(child) is None:
        headers = {**headers, ROOT_HEADER: root}
    return replace(child, headers=headers)


def without_root(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return headers as the user set them."""
    if ROOT_HEADER not in headers:
        return headers
    return {name: value for name, value in headers.items() if name != ROOT_HEADER}
