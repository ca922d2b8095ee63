"""What core hands to a backend's worker: the code to run, without the types of the code.

A backend calls :class:`Program` to make executors and to run activities; it implements neither.
What a worker must keep to, for each instance:

1. *One at a time.* At most one executor advances an instance; a worker that lost it to another can
   commit nothing more (a fencing number checked in the commit will do).
2. *Begin.* The first input is ``WorkflowStarted``, with ``patches=None``: the executor stamps what
   only the running code knows, and returns the stamped entry. ``seed`` is any text, and the
   ``run_id`` will do.
3. *Persist, then act.* What ``deliver`` or ``advance`` returned is appended to the journal in one
   atomic step, together with the input no longer having to be delivered. Only then is anything
   started because of it.
4. *Act.* Each ``ActivityScheduled`` goes to :meth:`Program.run_activity`, on any worker, and its
   outcome comes back as ``ActivityCompleted`` or ``ActivityFailed`` of the same ``id``. Each
   ``ChildStarted`` starts an instance with a ``ParentLink``; its end comes back as
   ``ChildCompleted`` or ``ChildFailed``: for one that was terminated, a ``Failure`` of type
   ``perdure.errors.WorkflowTerminatedError`` with the reason as its message; for an id that is
   taken, the failure of an ``InstanceAlreadyExistsError``. Timers need nothing but a call of
   ``advance`` at ``next_deadline_us``.
5. *Deliver at least once, in order of arrival.* A result that comes again is passed over by the
   executor; an event is not, so each is delivered once.
6. *Go on after a crash.* ``Program.rebuild`` from the journal, then deliver what had arrived, then
   run whatever is open: ``open_activities`` (those that are ``at_most_once`` and may have begun
   fail with the failure of an ``ActivityOutcomeUnknownError`` instead), ``open_children``.
7. *End.* ``outcome`` says how. ``Completed`` and ``Failed`` go to the parent, if there is one, and
   end the children that were started with ``on_parent_end="terminate"``. ``ContinuedAsNew`` begins
   the next run under a new ``run_id`` and ``seed``, with its arguments and carried events, the same
   tags, headers, parent and execution deadline; its children are left as they are.
8. *Terminate* by delivering ``Terminated``; *suspend* by delivering ``Suspended`` and keeping back
   all but ``Resumed`` and ``Terminated`` until ``Resumed`` has been delivered.
9. *Stall.* ``NonDeterminismError``, or an activity that is not registered here: the instance stays
   as it is, is let go, and shows ``Status.STALLED`` with the message as its reason.
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

    The host persists what :meth:`deliver` and :meth:`advance` return in one transaction each, or in
    one for several, and acts on it only then. If that fails, the executor is ahead of what is
    stored: close it, and rebuild.
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
        the last one is moved up to it. The result of a command that nobody waits for any more is
        recorded and dropped; what belongs to nothing open, and what comes after the end, is passed
        over, so the list may be empty. An event raised in the instant in which a due timer
        continues the run as new is among what the next run carries. Must be called on the loop's
        thread, outside any workflow; does not suspend.

        Raises:
            TypeError: ``event`` is a command, not an input.
            ValueError: The first event is not a ``WorkflowStarted``.
            NonDeterminismError: The code no longer matches the journal this executor was rebuilt
                from. The host keeps the instance as it is and marks it stalled.
        """

    def advance(self, at_us: int) -> list[HistoryEvent]:
        """Fire the timers due at ``at_us`` and return the entries; empty when none was due.

        May be called at any time, too early and too often. Raises as :meth:`deliver` does.
        """

    def next_deadline_us(self) -> int | None:
        """Return the instant of the earliest open timer; ``None`` if there is none, or at the end.

        Changes with every delivery.
        """

    def open_activities(self) -> Sequence[ActivityScheduled]:
        """Return the activities that were scheduled and have not completed, in order."""

    def open_children(self) -> Sequence[ChildStarted]:
        """Return the children that were started and have not completed, in order."""

    def open_waits(self) -> Sequence[str]:
        """Return the names of the events that the workflow waits for now, sorted."""

    def close(self) -> None:
        """Tear the suspended code down: no command comes of it. May be called twice."""


class PayloadGate(Protocol):
    """Reading and storing an executor's payloads apart from delivering.

    For hosts that must not block; see :func:`gate_of`. A host that leaves it alone is served all
    the same: then :meth:`Executor.deliver` reads from the payload store and writes to it itself.
    """

    def defer(self) -> None:
        """From now on do as little as possible in ``deliver``: the host does the rest."""

    def missing(self, event: HistoryEvent) -> Sequence[str]:
        """Return the payloads that must be fetched before ``event`` is delivered; mostly none."""

    async def fetch(self, missing: Iterable[str]) -> None:
        """Get payloads ready for ``deliver``. May be called twice.

        Raises:
            PayloadError: One cannot be read: damaged, purged, under an unknown key. The host marks
                the instance stalled, with the message as its reason.
            PayloadStoreError: The store cannot be reached, after many tries. As above.
        """

    @property
    def is_unsettled(self) -> bool:
        """Whether payloads of entries that were returned must still be stored."""

    async def settle(self, entries: Sequence[HistoryEvent]) -> list[HistoryEvent]:
        """Store the payloads of entries; return what is to be persisted in their place.

        The executor's outcome is the one among the new entries. Raises as :meth:`fetch`.
        """


class RebuildGate(Protocol):
    """Rebuilding executors without blocking, from journals whose payloads must be fetched first."""

    def must_fetch(self, journal: Iterable[HistoryEvent]) -> bool:
        """Return whether :meth:`Program.rebuild` would block."""

    async def rebuild(self, workflow: str, journal: Iterable[HistoryEvent]) -> Executor:
        """Do as :meth:`Program.rebuild`, which blocks. Raises as :meth:`PayloadGate.fetch`, too."""


def gate_of(executor: Executor) -> PayloadGate | None:
    """Return the gate of an executor, if it has one."""
    gate: PayloadGate | None = getattr(executor, "payload_gate", None)
    return gate


def rebuild_gate_of(program: Program) -> RebuildGate | None:
    """Return the gate of a program, if it has one."""
    gate: RebuildGate | None = getattr(program, "rebuild_gate", None)
    return gate


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

    def patches(self, workflow: str) -> tuple[str, ...]:
        """Return the patches that the code of a workflow declares.

        A backend whose inputs must be complete before the code runs stamps them into the input.

        Raises:
            WorkflowNotRegisteredError: No workflow of that name is registered here.
        """

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
            PayloadError: Its arguments as stored cannot be read here: damaged, purged, under an
                unknown key. The host marks the instance stalled.
            PayloadStoreError: The payload store cannot be reached, after many tries. As above.
        """
