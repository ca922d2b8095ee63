"""An executor that knows only plain payloads, behind the face of one that knows stored ones.

Inputs are read before the workflow sees them, and stand in the journal as they were stored.
Commands are stored before the host sees them. So the workflow's code, its retries and its buffered
events have plain JSON, and the host, its journal and other processes never do.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from perdure.payloads.envelope import Stored
from perdure.payloads.pipeline import Budget
from perdure.payloads.places import (
    COMMAND_PAYLOADS,
    INPUT_PAYLOADS,
    changed,
    is_untouched,
    named_root,
    payloads_of,
    root_of_start,
    what_of,
    with_root,
)
from perdure.spi.history import ActivityScheduled, ChildStarted, WorkflowStarted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from perdure.payloads.pipeline import PayloadPipeline
    from perdure.payloads.reading import Reading
    from perdure.spi.history import HistoryEvent, Outcome
    from perdure.spi.program import Executor, PayloadGate


_SHORT = 1024
_NOTHING: tuple[str, ...] = ()


class PayloadExecutor:
    """See :class:`perdure.spi.program.Executor` and :class:`~perdure.spi.program.PayloadGate`.

    Attributes:
        outcome: How the run ended, with its payload as stored.
        custom_status_json: The custom status as it is stored, which is always inline.
    """

    def __init__(self, executor: Executor, pipeline: PayloadPipeline, *, reading: Reading) -> None:
        self._executor = executor
        self._pipeline = pipeline
        self._reading = reading
        self._root = ""
        self._budget: Budget | None = None
        self._plain_status: str | None = None
        self.outcome: Outcome | None = None
        self.custom_status_json: str | None = None
        self._references: dict[int, str] = {}
        self._untouched: HistoryEvent | None = None
        self._is_simple = pipeline.is_simple
        self._is_deferring = False
        self.is_unsettled = False

    def resume(self, journal: Iterable[HistoryEvent]) -> None:
        """Take up a run that the executor has gone through."""
        for event in journal:
            if isinstance(event, WorkflowStarted):
                self._begin(event)
            self._spend(event)
        self.outcome = self._executor.outcome
        self._show_status()

    # -- the executor's face ---------------------------------------------------------------------

    @property
    def now_us(self) -> int:
        """The instant of the last entry delivered."""
        return self._executor.now_us

    def deliver(self, event: HistoryEvent) -> list[HistoryEvent]:
        """Apply one input, given and recorded as it is stored."""
        if event is self._untouched or is_untouched(event):
            return self._concealed(self._executor.deliver(event))
        if type(event) is WorkflowStarted:
            self._begin(event)
        plain, stored = self._reading.take(event, root=self._root)
        entries = self._executor.deliver(plain)
        if stored is not plain:
            for index, entry in enumerate(entries):
                if type(entry) is type(plain):
                    entries[index] = _restored(entry, stored)
        return self._concealed(entries)

    def advance(self, at_us: int) -> list[HistoryEvent]:
        """Fire the timers due at ``at_us``."""
        return self._concealed(self._executor.advance(at_us))

    def next_deadline_us(self) -> int | None:
        """Return the instant of the earliest open timer."""
        return self._executor.next_deadline_us()

    def open_activities(self) -> Sequence[ActivityScheduled]:
        """Return the activities that were scheduled and have not completed.

        To be asked after a rebuild: their payloads are as they were recorded.
        """
        return self._executor.open_activities()

    def open_children(self) -> Sequence[ChildStarted]:
        """Return the children that were started and have not completed."""
        return self._executor.open_children()

    def open_waits(self) -> Sequence[str]:
        """Return the names of the events that the workflow waits for now."""
        return self._executor.open_waits()

    def close(self) -> None:
        """Tear the suspended code down."""
        self._executor.close()

    # -- the gate --------------------------------------------------------------------------------

    @property
    def payload_gate(self) -> PayloadGate:
        """This very object."""
        return self

    def defer(self) -> None:
        """Leave what takes long to the host."""
        self._is_deferring = True

    def missing(self, event: HistoryEvent) -> Sequence[str]:
        """Return what must be fetched before ``event`` is delivered."""
        if is_untouched(event):
            self._untouched = event
            return _NOTHING
        return self._reading.missing((event,))

    async def fetch(self, missing: Iterable[str]) -> None:
        """Fetch payloads; those of another root are copied to ours."""
        await self._reading.fetch(missing, root=self._root)

    async def settle(self, entries: Sequence[HistoryEvent]) -> list[HistoryEvent]:
        """Store what :meth:`deliver` has left as it was."""
        self.is_unsettled = False
        try:
            settled = await asyncio.gather(*(self._settled(entry) for entry in entries))
        except BaseException:
            self.is_unsettled = True
            raise
        if self.outcome is not None:
            self.outcome = settled[-1]  # type: ignore[assignment]  # an outcome comes last
        return settled

    # -- parts -----------------------------------------------------------------------------------

    def _begin(self, started: WorkflowStarted) -> None:
        self._root = root_of_start(started)
        if self._pipeline.keeper is not None:
            self._budget = self._pipeline.budgets[started.run_id] = Budget()

    def _show_status(self) -> None:
        plain = self._plain_status = self._executor.custom_status_json
        if plain is not None:
            self.custom_status_json = self._pipeline.store_inline(plain, what="custom status")

    def _spend(self, event: HistoryEvent) -> None:
        if self._budget is not None:
            # What is longer has not been stored yet, and will not be inline.
            most = self._pipeline.threshold
            sizes = map(len, payloads_of(event))
            self._budget.spent += sum(size for size in sizes if size <= most)

    def _concealed(self, entries: list[HistoryEvent]) -> list[HistoryEvent]:
        """Return entries with the payloads of commands as they are stored."""
        for index, entry in enumerate(entries):
            field = COMMAND_PAYLOADS.get(type(entry))
            if field is not None and not (self._is_simple and is_untouched(entry)):
                entries[index] = self._concealed_command(entry, field)
            if self._budget is not None:
                self._spend(entries[index])
        if self._executor.custom_status_json is not self._plain_status:
            self._show_status()
        if entries and self._executor.outcome is not None:
            self.outcome = entries[-1]  # type: ignore[assignment]  # an outcome comes last
        return entries

    def _concealed_command(self, entry: Any, field: str) -> HistoryEvent:
        if self._budget is not None and type(entry) is ChildStarted:
            entry = with_root(entry, self._root)
        changes: dict[str, Any] = {}
        text = getattr(entry, field)
        if type(entry) is ActivityScheduled and entry.key_id in self._references:
            text = changes[field] = self._references[entry.key_id]
        if not self._pipeline.passes(text, self._budget):
            changes[field] = self._remembered(entry, self._stored(entry, text))
        carried = getattr(entry, "carried", ())
        if carried:
            changes["carried"] = tuple(
                replace(event, payload=self._stored(entry, event.payload)) for event in carried
            )
        return changed(entry, changes)

    def _stored(self, entry: HistoryEvent, text: str) -> str:
        if self._is_deferring and self._pipeline.is_heavy(text, self._budget):
            self.is_unsettled = True
            return text
        return self._pipeline.store(
            text, root=self._root_of(entry), what=what_of(entry), budget=self._budget
        )

    async def _settled(self, entry: Any) -> HistoryEvent:
        field = COMMAND_PAYLOADS.get(type(entry))
        if field is None:
            return entry  # type: ignore[no-any-return]
        changes: dict[str, Any] = {}
        text = getattr(entry, field)
        stored = await self._store(entry, text)
        if stored is not text:
            changes[field] = self._remembered(entry, stored)
        if carried := getattr(entry, "carried", ()):
            payloads = [await self._store(entry, event.payload) for event in carried]
            changes["carried"] = tuple(
                replace(event, payload=payload)
                for event, payload in zip(carried, payloads, strict=True)
            )
        return changed(entry, changes)

    async def _store(self, entry: HistoryEvent, text: str) -> str:
        return await self._pipeline.store_async(
            text,
            root=self._root_of(entry),
            what=what_of(entry),
            budget=self._budget,
            is_patient=True,
        )

    def _remembered(self, entry: HistoryEvent, stored: str) -> str:
        """Note where the arguments of an activity are, for its further attempts."""
        if type(entry) is ActivityScheduled and type(stored) is Stored and len(stored) < _SHORT:
            self._references[entry.key_id] = stored
        return stored

    def _root_of(self, entry: HistoryEvent) -> str:
        return (named_root(entry) if type(entry) is ChildStarted else None) or self._root


def _restored(entry: Any, stored: Any) -> HistoryEvent:
    """Return what an executor recorded of an input, with the payloads as they were stored."""
    field = INPUT_PAYLOADS[type(stored)]
    changes = {field: getattr(stored, field)}
    if type(stored) is WorkflowStarted:
        changes.update(carried=stored.carried, headers=stored.headers)
    return changed(entry, changes)
