"""Vendor events: the history of an instance on a vendor's server, in words that vendors share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class VendorKind(StrEnum):
    """What an entry of a vendor's history is."""

    TURN = "turn"
    """The server began a work item: the clock of what follows."""
    STARTED = "started"
    ACTIVITY_SCHEDULED = "activity scheduled"
    ACTIVITY_COMPLETED = "activity completed"
    ACTIVITY_FAILED = "activity failed"
    CHILD_CREATED = "child created"
    CHILD_COMPLETED = "child completed"
    CHILD_FAILED = "child failed"
    TIMER_CREATED = "timer created"
    TIMER_FIRED = "timer fired"
    EVENT = "event"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    TERMINATED = "terminated"
    """Somebody asked for the end by force. The end that the server makes of it is no other kind."""
    COMPLETED = "completed"
    FAILED = "failed"
    CONTINUED = "continued"


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorEvent:
    """One entry of a vendor's history.

    Attributes:
        kind: What it is.
        at_us: Its instant on the server.
        id: The vendor's number of a command: of what is scheduled, created, completed, failed or
            fired.
        name: That of the workflow, activity or event; the text that a timer bears.
        instance_id: With ``STARTED`` the instance, with ``CHILD_CREATED`` the child.
        payload: The JSON text on the wire: an input, a result, an event's value; the reason of a
            hold, a release or a termination; with ``CONTINUED`` the input of the next run.
        fire_at_us: When a timer is to fire, if that is known.
        error_type: The class of a failure.
        message: Its message.
        traceback: Its traceback.
    """

    kind: VendorKind
    at_us: int
    id: int = 0
    name: str = ""
    instance_id: str = ""
    payload: str | None = None
    fire_at_us: int | None = None
    error_type: str = ""
    message: str = ""
    traceback: str = ""
