"""Operations as a vendor's history has them: the other way round of asking for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from perdure.errors import PayloadError
from perdure.spi.bridge.envelope import Envelope, decode_start, is_marked, raw_text
from perdure.spi.bridge.messages import ANSWER_PARENT, END_CHILDREN, START_CHILD, decode_call
from perdure.spi.bridge.script import AnswerParent, EndChildren, StartDetached
from perdure.spi.bridge.vendor_events import VendorEvent, VendorKind
from perdure.spi.history import ActivityScheduled, ChildStarted
from perdure.types import ParentLink

if TYPE_CHECKING:
    from perdure.spi.bridge.script import Awaited

_AUTO_SERIALIZED = "__durabletask_autoobject__"
"""What SDKs mark objects of classes with, and take out again while they read."""


def read_payload(text: str | None) -> Any:
    """Return a payload as the SDKs hand it over; its text where it is no JSON."""
    if not text:
        return None
    try:
        return json.loads(text, object_hook=_without_mark)
    except ValueError:
        return text


def envelope_in(value: Any) -> Envelope | None:
    """Return what perdure has written; ``None`` if it was somebody else."""
    return value if isinstance(value, dict) and is_marked(value) else None


def operation_of(event: VendorEvent, value: Any) -> Awaited:
    """Return what an activity or a child was asked for as.

    One that perdure has not asked for has the vendor's number as its id.

    Args:
        event: What history has.
        value: Its payload.
    """
    envelope = envelope_in(value)
    if envelope is not None:
        try:
            return _ours(event, envelope)
        except (KeyError, TypeError, PayloadError):
            pass  # damaged: it is shown as it stands
    arguments = "{}" if value is None else raw_text(value)
    if event.kind is VendorKind.CHILD_CREATED:
        return ChildStarted(
            at_us=event.at_us,
            id=event.id,
            workflow=event.name,
            instance_id=event.instance_id,
            arguments=arguments,
        )
    return ActivityScheduled(
        at_us=event.at_us, id=event.id, key_id=event.id, name=event.name, arguments=arguments
    )


def _ours(event: VendorEvent, value: Envelope) -> Awaited:
    if event.kind is VendorKind.CHILD_CREATED:
        return _child(value, workflow=event.name, instance_id=event.instance_id)
    if event.name == START_CHILD:
        workflow, instance_id = value["workflow"], value["instance_id"]
        return StartDetached(
            child=_child(value["start"], workflow=workflow, instance_id=instance_id)
        )
    if event.name == END_CHILDREN:
        return EndChildren(instance_ids=tuple(value["instance_ids"]))
    if event.name == ANSWER_PARENT:
        parent = ParentLink(instance_id=value["instance_id"], run_id="", command_id=0)
        return AnswerParent(parent=parent, payload=value["answer"])
    task = decode_call(value, activity=event.name, instance_id="")
    assert task is not None  # it is marked
    return task.scheduled


def _child(value: Any, *, workflow: str, instance_id: str) -> ChildStarted:
    start = decode_start(value)
    if start is None or start.parent is None:
        raise TypeError("no start of a child")
    return ChildStarted(
        at_us=0,
        id=start.parent.command_id,
        workflow=workflow,
        instance_id=instance_id,
        arguments=start.arguments,
        on_parent_end=start.on_parent_end,
        headers=start.headers,
        tags=start.tags,
    )


def _without_mark(item: dict[str, Any]) -> dict[str, Any]:
    item.pop(_AUTO_SERIALIZED, None)
    return item
