"""History events: the neutral facts and commands of one run, the vocabulary of the journal.

A journal is a sequence of these in order of delivery. What comes from outside (*inputs*: started,
completed, fired, received) is followed by the *commands* the workflow issued because of it. Inputs
and code determine the commands, so a journal fully determines an instance.

Instants are whole microseconds since 1970 UTC: exact in JSON, comparable, free of time zones.
Payloads are JSON text. Command ids count from 1 within a run, over activities, timers and children
alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from perdure.types import EMPTY, Delivery, Failure, OnParentEnd, ParentLink

if TYPE_CHECKING:
    from collections.abc import Mapping

EXECUTION_DEADLINE_ID = 0
"""The timer id of the execution timeout, which no command creates."""

CANCEL_EVENT = "perdure.cancel"
"""The reserved event name that asks a workflow to cancel itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEvent:
    """One entry of a journal."""

    at_us: int
    is_command: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferedEvent:
    """An event that arrived and was not consumed yet; travels through continue-as-new."""

    name: str
    payload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowStarted(HistoryEvent):
    """A run began. ``patches`` is ``None`` until the first executor stamps those its code declares.

    Attributes:
        arguments: The input: a JSON object of arguments by parameter name.
        seed: What the run's random numbers are made from; a rerun keeps it, though its ``run_id``
            is new.
        execution_deadline_us: When the run fails by itself, if ever.
        python: Version of Python that began the run.
        perdure: Version of perdure that began the run.
    """

    instance_id: str
    run_id: str
    workflow: str
    arguments: str
    seed: str
    patches: tuple[str, ...] | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    tags: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    parent: ParentLink | None = None
    carried: tuple[BufferedEvent, ...] = ()
    execution_deadline_us: int | None = None
    python: str = ""
    perdure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityScheduled(HistoryEvent):
    """Command: run an activity once. A retry is a new command.

    Attributes:
        key_id: The command id of the first attempt; the idempotency key is made of it.
        timeout_us: How long this attempt may run, in microseconds; ``None`` is for ever.
    """

    is_command: ClassVar[bool] = True
    id: int
    name: str
    arguments: str
    attempt: int = 1
    key_id: int = 0
    timeout_us: int | None = None
    delivery: Delivery = "at_least_once"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityCompleted(HistoryEvent):
    """An activity returned."""

    id: int
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityFailed(HistoryEvent):
    """An attempt of an activity raised, timed out, or has an unknown outcome."""

    id: int
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerCreated(HistoryEvent):
    """Command: wake me at an instant."""

    is_command: ClassVar[bool] = True
    id: int
    fire_at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired(HistoryEvent):
    """The instant of a timer has come."""

    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildStarted(HistoryEvent):
    """Command: start a child workflow."""

    is_command: ClassVar[bool] = True
    id: int
    workflow: str
    instance_id: str
    arguments: str
    on_parent_end: OnParentEnd = "terminate"
    headers: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    tags: Mapping[str, str] = field(default_factory=lambda: EMPTY)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildCompleted(HistoryEvent):
    """A child workflow returned."""

    id: int
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildFailed(HistoryEvent):
    """A child workflow failed, was terminated, or could not be started."""

    id: int
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class EventReceived(HistoryEvent):
    """Somebody raised an event."""

    name: str
    payload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspended(HistoryEvent):
    """The instance was put on hold."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(HistoryEvent):
    """The hold was lifted."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminated(HistoryEvent):
    """Somebody ended the instance by force; the workflow's code does not see it."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed(HistoryEvent):
    """Command: the workflow returned."""

    is_command: ClassVar[bool] = True
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(HistoryEvent):
    """Command: the workflow raised."""

    is_command: ClassVar[bool] = True
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinuedAsNew(HistoryEvent):
    """Command.

    End this run and begin the next with new arguments and the events not yet consumed.
    """

    is_command: ClassVar[bool] = True
    arguments: str
    carried: tuple[BufferedEvent, ...] = ()


Outcome = Completed | Failed | ContinuedAsNew | Terminated
"""How a run can end."""
