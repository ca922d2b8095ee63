"""Asking: what a step wants of the SDK, as calls of its context."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from perdure.spi.bridge.envelope import to_text
from perdure.spi.bridge.messages import ANSWER_PARENT, END_CHILDREN, START_CHILD, run_mark
from perdure.spi.bridge.notes import notes_text
from perdure.spi.bridge.requests import (
    activity_input,
    answer_input,
    child_input,
    detached_child_input,
    end_children_input,
)
from perdure.spi.bridge.script import (
    AnswerParent,
    ArmTimer,
    Awaited,
    EndChildren,
    Listen,
    StartDetached,
)
from perdure.spi.history import ActivityScheduled, ChildStarted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from perdure.spi.bridge.envelope import Envelope
    from perdure.spi.bridge.notes import Note
    from perdure.spi.bridge.openings import Opening
    from perdure.spi.bridge.sdk import OrchestrationContext, Sdk, SdkTask

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - SDKs keep UTC without a zone


def ask(
    context: OrchestrationContext,
    operation: Awaited,
    *,
    sdk: Sdk,
    opening: Opening,
    answered: Collection[int],
    step: int,
    notes: Sequence[Note],
) -> SdkTask:
    """Ask the SDK for an operation of a step; return the task that its answer completes.

    Args:
        context: The SDK's, of this execution.
        operation: What to ask for.
        sdk: The SDK's classes.
        opening: How the run began.
        answered: Ids of commands that have their answer. History has those commands, and the SDK
            compares no inputs and sends none again: one need not be written.
        step: The number of the step.
        notes: What the operation is to carry.
    """
    match operation:
        case ActivityScheduled():
            make = partial(activity_input, operation, opening, step=step, notes=notes)
            is_known = operation.id in answered
            return _call(context, operation.name, make, is_known=is_known, sdk=sdk, opening=opening)
        case ChildStarted():
            is_known = operation.id in answered
            start = None if is_known else child_input(operation, opening, step=step, notes=notes)
            return context.call_sub_orchestrator(
                operation.workflow, input=start, instance_id=operation.instance_id
            )
        case StartDetached():
            child = operation.child
            make = partial(detached_child_input, child, opening, step=step, notes=notes)
            is_known = child.id in answered
            return _call(context, START_CHILD, make, is_known=is_known, sdk=sdk, opening=opening)
        case ArmTimer():
            fire_at = EPOCH + timedelta(microseconds=operation.deadline_us)
            if sdk.create_timer is not None:
                return sdk.create_timer(context, fire_at, notes_text(notes))
            return context.create_timer(fire_at)
        case Listen():
            return listen(context, operation.name, sdk=sdk)
        case EndChildren():
            make = partial(end_children_input, operation, opening, step=step, notes=notes)
            return _call(context, END_CHILDREN, make, sdk=sdk, opening=opening)
        case AnswerParent():
            make = partial(answer_input, operation, step=step, notes=notes)
            return _call(context, ANSWER_PARENT, make, sdk=sdk, opening=opening)


def listen(context: OrchestrationContext, name: str, *, sdk: Sdk) -> SdkTask:
    """Take the next event of a name, now or when it comes."""
    if sdk.listen is not None:
        return sdk.listen(context, name)
    return context.wait_for_external_event(name)


def show(context: OrchestrationContext, json_text: str | None, *, sdk: Sdk) -> None:
    """Set the custom status; ``None`` takes it away."""
    if json_text is None or not sdk.encodes_custom_status:
        context.set_custom_status(json_text)
    else:
        context.set_custom_status(json.loads(json_text))


def _call(
    context: OrchestrationContext,
    name: str,
    make: Callable[[], Envelope],
    *,
    is_known: bool = False,
    sdk: Sdk,
    opening: Opening,
) -> SdkTask:
    if sdk.call_activity is None:
        return context.call_activity(name, input=None if is_known else make())
    mark = run_mark(opening.start.run_id)
    return sdk.call_activity(context, name, lambda: to_text(make()), mark)
