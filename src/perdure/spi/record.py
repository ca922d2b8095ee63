"""A record of one run, for hosts that keep all of an instance as one piece of data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from perdure.spi.history import EventReceived, HistoryEvent
from perdure.spi.journal import decode_event
from perdure.spi.runs import end_of, instance_info, next_run, tied_children

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perdure.spi.history import (
        Completed,
        ContinuedAsNew,
        Failed,
        Terminated,
        WorkflowStarted,
    )
    from perdure.types import InstanceInfo


@dataclass(slots=True, kw_only=True)
class RunRecord:
    """The current run of an instance. It changes by :meth:`update` alone.

    Attributes:
        inbox: All it was told, beginning with its ``WorkflowStarted``.
        taken: How much of the inbox its executor has had.
        journal: What its executor returned.
        created_us: When the first run of the instance was asked for, if this is another.
        custom_status_json: The last one its workflow set.
        stalled: Why it is stalled, if it is.
    """

    inbox: list[HistoryEvent] = field(default_factory=list)
    taken: int = 0
    journal: list[HistoryEvent] = field(default_factory=list)
    created_us: int | None = None
    custom_status_json: str | None = None
    stalled: str | None = None

    def update(self, changes: Mapping[str, Any]) -> None:
        """Change fields by their names: a list grows by events in their text form."""
        for name, value in changes.items():
            if isinstance(value, list):
                getattr(self, name).extend(map(decode_event, value))
            else:
                setattr(self, name, value)

    @property
    def run(self) -> WorkflowStarted:
        """Its first input."""
        return cast("WorkflowStarted", self.inbox[0])

    @property
    def untaken(self) -> list[HistoryEvent]:
        """What its executor has not had."""
        return self.inbox[self.taken :]

    @property
    def end(self) -> Completed | Failed | Terminated | None:
        """How the instance ended, if it did."""
        return end_of(self.journal)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is to be run: it has ended, or is stalled."""
        return self.stalled is not None or self.end is not None

    @property
    def info(self) -> InstanceInfo:
        """What clients are shown."""
        return instance_info(
            self.run,
            self.journal,
            created_us=self._created_us,
            custom_status_json=self.custom_status_json,
            stalled=self.stalled,
        )

    def following(self, end: ContinuedAsNew, *, run_id: str) -> dict[str, Any]:
        """Return the fields of the next run's record: its inbox has the events not taken here."""
        events = [event for event in self.untaken if isinstance(event, EventReceived)]
        first = next_run(self.run, end, run_id=run_id)
        return {"inbox": [first, *events], "created_us": self._created_us}

    def is_tied(self, other: RunRecord) -> bool:
        """Return whether ``other`` is a child that is to end with this run."""
        parent = other.run.parent
        return (
            parent is not None
            and parent.run_id == self.run.run_id
            and any(child.id == parent.command_id for child in tied_children(self.journal))
        )

    @property
    def _created_us(self) -> int:
        return self.run.at_us if self.created_us is None else self.created_us
