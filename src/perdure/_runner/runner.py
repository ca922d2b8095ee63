"""The runner: drives one executor in-process, a step at a time.

It knows neither a store nor a schedule. Its host posts what arrives, takes a step, persists what
the step says in one transaction, and acts on it only then. While the instance is on hold the
runner keeps back everything but what lifts the hold or ends the run.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from perdure.errors import ForbiddenInWorkflowError
from perdure.spi.history import (
    ActivityScheduled,
    ChildStarted,
    Failed,
    HistoryEvent,
    Resumed,
    Suspended,
    Terminated,
)
from perdure.spi.program import gate_of
from perdure.types import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from perdure.spi.history import Outcome
    from perdure.spi.program import Executor


@dataclass(slots=True)
class Arrival:
    """An input on its way to the executor.

    Attributes:
        token: The host's number of it where it is stored already; 0 while it exists only here.
    """

    event: HistoryEvent
    token: int = 0


@dataclass(slots=True)
class Step:
    """What the host must persist together, and act on afterwards.

    Attributes:
        entries: The journal's next entries, in order.
        consumed: Tokens of stored inputs that need not be kept any longer.
        kept_back: Inputs that arrived while the instance is on hold and are stored nowhere yet;
            the host stores them and sets their tokens.
        missing: Payloads that must be fetched before the next arrival is delivered.
        is_unsettled: Payloads of the entries must be stored first, by :meth:`Runner.settle`.
    """

    entries: list[HistoryEvent] = field(default_factory=list)
    consumed: list[int] = field(default_factory=list)
    kept_back: list[Arrival] = field(default_factory=list)
    missing: Sequence[str] = ()
    is_unsettled: bool = False

    def activities(self) -> list[ActivityScheduled]:
        """Return the activities that the step schedules."""
        return [entry for entry in self.entries if type(entry) is ActivityScheduled]

    def children(self) -> list[ChildStarted]:
        """Return the children that the step starts."""
        return [entry for entry in self.entries if type(entry) is ChildStarted]

    def __bool__(self) -> bool:
        return bool(self.entries or self.consumed or self.kept_back)


class Runner:
    """One executor, what waits to be delivered to it, and whether it is on hold."""

    __slots__ = ("_arrivals", "_gate", "_held", "executor", "is_on_hold", "outcome")

    def __init__(self, executor: Executor, *, is_on_hold: bool = False) -> None:
        self.executor = executor
        self.is_on_hold = is_on_hold
        self.outcome: Outcome | None = executor.outcome
        self._gate = gate_of(executor)
        if self._gate is not None:
            self._gate.defer()
        self._arrivals: deque[Arrival] = deque()
        self._held: deque[Arrival] = deque()

    @property
    def has_arrivals(self) -> bool:
        """Whether a step would deliver something."""
        return bool(self._arrivals)

    def post(self, event: HistoryEvent, *, token: int = 0) -> None:
        """Let ``event`` be delivered by the next step."""
        self._arrivals.append(Arrival(event, token))

    def undelivered(self) -> list[Arrival]:
        """Return what was posted and is in no journal yet, in order."""
        return [*self._held, *self._arrivals]

    def next_deadline_us(self) -> int | None:
        """Return when the next step is due by itself; never while on hold."""
        return (
            None
            if self.is_on_hold or self.outcome is not None
            else self.executor.next_deadline_us()
        )

    def step(self, now_us: int) -> Step:
        """Deliver what was posted, then fire the timers that are due.

        What has a payload that is ``missing`` is not delivered, nor is anything behind it.

        Raises:
            NonDeterminismError: The code does not fit its journal. The runner is of no further use.
        """
        step = Step()
        arrivals = self._arrivals
        while arrivals and self.outcome is None and not step.missing:
            if self._gate is not None and not self.is_on_hold:
                step.missing = self._gate.missing(arrivals[0].event)
            if not step.missing:
                self._take(arrivals.popleft(), step)
        if self.outcome is None and not self.is_on_hold and not step.missing:
            deadline_us = self.executor.next_deadline_us()
            if deadline_us is not None and deadline_us <= now_us:
                self._run(None, now_us, step)
        step.is_unsettled = self._gate is not None and self._gate.is_unsettled
        return step

    async def fetch(self, missing: Iterable[str]) -> None:
        """Get what a step was missing. Raises as :meth:`perdure.spi.program.PayloadGate.fetch`."""
        assert self._gate is not None
        await self._gate.fetch(missing)

    async def settle(self, step: Step) -> None:
        """Store what a step has left unsettled. Raises as :meth:`fetch`."""
        assert self._gate is not None
        step.entries = await self._gate.settle(step.entries)
        step.is_unsettled = False
        if self.outcome is not None:
            self.outcome = self.executor.outcome

    def close(self) -> None:
        """Tear the workflow's suspended code down. May be called twice."""
        self.executor.close()

    def _take(self, arrival: Arrival, step: Step) -> None:
        event = arrival.event
        if self.is_on_hold and not isinstance(event, Suspended | Resumed | Terminated):
            self._held.append(arrival)
            if not arrival.token:
                step.kept_back.append(arrival)
            return
        if arrival.token:
            step.consumed.append(arrival.token)
        if isinstance(event, Suspended | Resumed):
            if self.is_on_hold == isinstance(event, Suspended):
                return  # asked for twice
            self.is_on_hold = not self.is_on_hold
            self._arrivals.extendleft(reversed(self._held))
            self._held.clear()
        elif self.is_on_hold and isinstance(event, Terminated):
            # Now, timers may be due, and firing them would run code that is on hold.
            event = Terminated(at_us=self.executor.now_us, reason=event.reason)
        self._run(event, event.at_us, step)

    def _run(self, event: HistoryEvent | None, at_us: int, step: Step) -> None:
        executor = self.executor
        try:
            step.entries += executor.advance(at_us) if event is None else executor.deliver(event)
            self.outcome = executor.outcome
        except ForbiddenInWorkflowError as error:
            # The executor answers for what the code does; this came from outside the code.
            failed = Failed(
                at_us=max(at_us, executor.now_us), failure=Failure.from_exception(error)
            )
            step.entries += [failed] if event is None else [event, failed]
            self.outcome = failed


def is_on_hold(journal: Iterable[HistoryEvent]) -> bool:
    """Return whether the last word of ``journal`` on it is that the instance is suspended."""
    on_hold = False
    for entry in journal:
        if isinstance(entry, Suspended | Resumed):
            on_hold = isinstance(entry, Suspended)
    return on_hold
