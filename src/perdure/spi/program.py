"""What core hands to a backend's worker: the code to run, without the types of the code.

A backend calls :class:`Program` to make executors and to run activities; it implements neither.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from perdure.types import EMPTY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from perdure.spi.history import ActivityScheduled, ChildStarted, HistoryEvent, Outcome
    from perdure.types import Failure


class Executor(Protocol):
    """Runs one instance, sans-I/O: an event in, entries for the journal out. Not thread-safe.

    The host persists what :meth:`deliver` returns in one transaction and acts on it only then.
    """

    @property
    def outcome(self) -> Outcome | None:
        """How the run ended, or ``None`` while it goes on."""

    @property
    def custom_status_json(self) -> str | None:
        """The last custom status the workflow set, as JSON text."""

    @property
    def now_us(self) -> int:
        """The instant of the last entry delivered; never goes back."""

    def deliver(self, event: HistoryEvent) -> list[HistoryEvent]:
        """Apply one input, run the workflow until it is idle, return the entries to persist.

        Timers due at ``event.at_us`` fire first, each an entry of its own; not before a hold, its
        end or a termination. The first event of a run is its ``WorkflowStarted``. An instant before
        the last one is moved up to it. Late results are recorded and dropped; what belongs to
        nothing open, and what comes after the end, is not recorded. An event raised in the instant
        in which a due timer continues the run as new is among what the next run carries.

        Raises:
            NonDeterminismError: The code no longer matches the journal this executor was rebuilt
                from. The host keeps the instance as it is and marks it stalled.
        """

    def advance(self, at_us: int) -> list[HistoryEvent]:
        """Fire the timers due at ``at_us`` and return the entries; empty when none was due."""

    def next_deadline_us(self) -> int | None:
        """Return the instant of the earliest open timer."""

    def open_activities(self) -> Sequence[ActivityScheduled]:
        """Return the activities that were scheduled and have not completed, in order."""

    def open_children(self) -> Sequence[ChildStarted]:
        """Return the children that were started and have not completed, in order."""

    def open_waits(self) -> Sequence[str]:
        """Return the names of the events that the workflow waits for now, sorted."""

    def close(self) -> None:
        """Tear the suspended code down: no command comes of it. May be called twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityTask:
    """One attempt of an activity, as a backend hands it to the program."""

    instance_id: str
    run_id: str
    workflow: str
    scheduled: ActivityScheduled
    headers: Mapping[str, str] = field(default_factory=lambda: EMPTY)

    @property
    def idempotency_key(self) -> str:
        """Stable over retries and redelivery."""
        return f"{self.instance_id}:{self.run_id}:{self.scheduled.key_id or self.scheduled.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityOutcome:
    """What came of one attempt: a result, or a failure."""

    result: str | None = None
    failure: Failure | None = None


class Program(Protocol):
    """The registered code of one worker."""

    @property
    def workflows(self) -> frozenset[str]:
        """The names of the workflows this worker can run."""

    @property
    def activities(self) -> frozenset[str]:
        """The names of the activities this worker can run."""

    def executor(self, workflow: str) -> Executor:
        """Return a fresh executor; its first event is the run's ``WorkflowStarted``.

        Raises:
            WorkflowNotRegisteredError: No workflow of that name is registered here.
        """

    def rebuild(
        self, workflow: str, journal: Iterable[HistoryEvent], *, strict: bool = False
    ) -> Executor:
        """Return an executor that has gone through ``journal``.

        Raises:
            WorkflowNotRegisteredError: No workflow of that name is registered here.
            NonDeterminismError: The code does not issue the commands that the journal holds.
        """

    async def run_activity(self, task: ActivityTask) -> ActivityOutcome:
        """Run one attempt to its end, under its timeout; a failure is an outcome, not an exception.

        Cancelling this call gives the attempt up: an ``async def`` activity is cancelled, a thread
        is abandoned and its result thrown away.

        Raises:
            ActivityNotRegisteredError: No activity of that name is registered here.
        """
