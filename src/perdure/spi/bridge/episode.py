"""One execution of an instance: the generator that an SDK drives over history and new events."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING

from perdure.errors import (
    NonDeterminismError,
    PayloadError,
    PayloadStoreError,
    WorkflowNotRegisteredError,
)
from perdure.spi.bridge import parking
from perdure.spi.bridge.arrivals import input_of
from perdure.spi.bridge.asking import EPOCH, ask, listen, show
from perdure.spi.bridge.channel import EVENT_CHANNEL
from perdure.spi.bridge.envelope import encode_start, is_too_new
from perdure.spi.bridge.hearing import Hearing
from perdure.spi.bridge.last_words import LastWords
from perdure.spi.bridge.openings import Opening
from perdure.spi.bridge.requests import output_of
from perdure.spi.bridge.run import Superseded
from perdure.spi.bridge.script import ArmTimer, Awaited, Listen, Looked, ShowStatus
from perdure.spi.bridge.shown import encode_status
from perdure.spi.history import BufferedEvent, Completed, ContinuedAsNew, EventReceived, Failed

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from perdure.spi.bridge.bridge import Bridge
    from perdure.spi.bridge.notes import Note
    from perdure.spi.bridge.run import Run
    from perdure.spi.bridge.script import Step
    from perdure.spi.bridge.sdk import OrchestrationContext, SdkTask, WakeTask
    from perdure.spi.history import HistoryEvent

_MICROSECOND = timedelta(microseconds=1)
_SEQUENCE_MARGIN = 8  # commands that an SDK itself adds while it ends a run


class Episode:
    """Drives a run for as long as the SDK feeds it. Used by one thread."""

    def __init__(self, bridge: Bridge, workflow: str, context: OrchestrationContext) -> None:
        self._bridge = bridge
        self._workflow = workflow
        self._context = context
        self._arrivals: deque[tuple[Awaited, SdkTask]] = deque()
        self._wake: WakeTask | None = None
        self._hearing = Hearing(context.instance_id)
        self._last_words = LastWords(context)
        self._is_over = False
        self._is_parked = False
        self._position = 0
        self._instant = EPOCH
        self._instant_us = 0
        self._run: Run | None = None
        self._opening: Opening

    def execute(self, value: object) -> Generator[WakeTask, object, object]:
        """Return the generator. What it yields are wake tasks, each completed by an arrival.

        Raises:
            WireFailure: The workflow failed.
        """
        parking.guard(
            self._context,
            self._bridge.sdk,
            park=self._park,
            is_over=lambda: self._is_over,
            ending=self._last_words.ending,
            answering=self._say_last_words,
        )
        try:
            if self._must_begin_anew(value):
                return None
            yield from self._until_due()
            run = self._begin()
            step = self._first_step(run)
            while step.outcome is None:
                operation, task = yield from self._next_arrival()
                step = self._known_step(run, operation, task) or self._new_step(
                    run, operation, task
                )
            closing = list(step.closing)
            while closing:
                operation, task = yield from self._next_arrival()
                if operation in closing:
                    closing.remove(operation)
                else:
                    self._hearing.set_aside(operation, task)
        except (NonDeterminismError, WorkflowNotRegisteredError, _MustWait) as error:
            self._park(error)
            while True:
                yield self._bridge.sdk.completable_task()
        return self._finish(run, step)

    # -- the steps --------------------------------------------------------------------------------

    def _must_begin_anew(self, value: object) -> bool:
        """Read the input; return whether the run is begun once more, with its patches."""
        if is_too_new(value):
            raise _MustWait("its input was written by a newer perdure; upgrade this worker")
        context = self._context
        self._opening = opening = Opening.read(
            value, workflow=self._workflow, instance_id=context.instance_id, at_us=self._now_us()
        )
        self._hearing = Hearing(context.instance_id, opening.start.heard)
        if opening.start.patches is None and not context.is_replaying:
            patches = self._bridge.program.patches(self._workflow)
            if patches:
                context.continue_as_new(encode_start(opening.stamped(patches)), save_events=True)
                return True
        return False

    def _until_due(self) -> Generator[WakeTask, object, None]:
        """Wait for the instant that the start is for, and keep the events that come before."""
        start_at_us = self._opening.start.start_at_us
        if start_at_us is None or start_at_us <= self._opening.at_us:
            return
        due, channel = ArmTimer(deadline_us=start_at_us), Listen(name=EVENT_CHANNEL)
        kept: list[BufferedEvent] = []
        self._ask(due, step=0, notes=())
        self._listen(channel)
        while True:
            operation, task = yield from self._next_arrival()
            if operation is due:
                break
            event = self._hearing.event(channel, task)
            if event is not None:
                kept.append(event)
            self._listen(channel)
        # The one that still listens hears for the run.
        self._opening = self._opening.begun(at_us=self._now_us(), pending=kept)

    def _begin(self) -> Run:
        """Return the run, which this execution owns from now on."""
        start = self._opening.start
        self._context._sequence_number = max(self._context._sequence_number, start.sequence)
        try:
            run = self._run = self._bridge.begin(self._opening)
        except PayloadError as error:
            raise _MustWait(str(error)) from error
        with run.lock:
            run.owner = self
        if start.custom_status is not None:
            self._show(start.custom_status)
        return run

    def _first_step(self, run: Run) -> Step:
        opening = self._opening
        step = self._step(run, None, opening.started())
        for event in opening.start.pending:
            if step.outcome is None:
                received = EventReceived(
                    at_us=opening.at_us, name=event.name, payload=event.payload
                )
                step = self._step(run, None, received)
            else:
                self._hearing.keep(event)
        return step

    def _next_arrival(self) -> Generator[WakeTask, object, tuple[Awaited, SdkTask]]:
        while not self._arrivals:
            # Never yield what is complete: one of the SDKs would not look at it again.
            wake = self._wake = self._bridge.sdk.completable_task()
            yield wake
        return self._arrivals.popleft()

    def _known_step(self, run: Run, operation: Awaited, task: SdkTask) -> Step | None:
        """Return the step that the run has taken already because of this answer, told at a glance.

        Most of what an SDK feeds a generator is this: history, once more with each work item.
        """
        if self._position >= len(run.steps) or task.is_failed:
            return None
        step = run.steps[self._position]
        if (
            step.answer is None
            or step.cause is not operation
            or step.event.at_us != self._now_us()
            or step.answer != self._bridge.sdk.answer_of(task)
            or run.owner is not self
        ):
            return None
        self._hearing.has_heard(operation, task)
        self._taken(run, step)
        return step

    def _new_step(self, run: Run, operation: Awaited, task: SdkTask) -> Step:
        event: HistoryEvent = Looked(at_us=self._now_us())
        if not self._hearing.has_heard(operation, task):
            event = input_of(
                operation,
                task,
                at_us=self._now_us(),
                instance_id=self._context.instance_id,
                run_id=run.run_id,
                position=self._position,
            )
        answer = None if task.is_failed else self._bridge.sdk.answer_of(task)
        return self._step(run, operation, event, answer)

    def _step(
        self, run: Run, cause: Awaited | None, event: HistoryEvent, answer: object = None
    ) -> Step:
        with run.lock:
            if run.owner is not self:
                raise Superseded(f"{self._context.instance_id} is executed twice at once")
            try:
                step = run.step(self._position, cause, event, answer=answer)
            except (PayloadError, PayloadStoreError) as error:
                raise _MustWait(str(error)) from error
        self._taken(run, step)
        return step

    def _taken(self, run: Run, step: Step) -> None:
        position = self._position
        self._position += 1
        for operation in step.operations:
            if isinstance(operation, ShowStatus):
                self._show(operation.json_text)
            else:
                notes = step.carried if operation is step.carrier else ()
                self._ask(operation, step=position, notes=notes)

    def _now_us(self) -> int:
        instant = self._context.current_utc_datetime
        if instant is not self._instant:
            self._instant = instant
            self._instant_us = (instant - EPOCH) // _MICROSECOND
        return self._instant_us

    # -- asking the SDK ---------------------------------------------------------------------------

    def _ask(self, operation: Awaited, *, step: int, notes: Sequence[Note]) -> None:
        task = ask(
            self._context,
            operation,
            sdk=self._bridge.sdk,
            opening=self._opening,
            answered=() if self._run is None else self._run.answered,
            step=step,
            notes=notes,
        )
        if not isinstance(operation, Listen):
            self._last_words.asked(operation, step=step)
        self._watch(operation, task)

    def _listen(self, channel: Listen) -> None:
        self._watch(channel, listen(self._context, channel.name, sdk=self._bridge.sdk))

    def _watch(self, operation: Awaited, task: SdkTask) -> None:
        self._bridge.watch(task, lambda task: self._arrived(operation, task))

    def _show(self, json_text: str | None) -> None:
        show(self._context, json_text, sdk=self._bridge.sdk)

    def _arrived(self, operation: Awaited, task: SdkTask) -> None:
        # The SDK calls this in the middle of its work.
        if self._is_over:
            self._hearing.set_aside(operation, task)
            return
        self._arrivals.append((operation, task))
        wake, self._wake = self._wake, None
        if wake is not None:
            wake.complete(None)

    # -- endings ----------------------------------------------------------------------------------

    def _finish(self, run: Run, step: Step) -> object:
        for operation, task in self._arrivals:
            self._hearing.set_aside(operation, task)
        self._is_over = True
        self._bridge.end(self._context.instance_id, run)
        match step.outcome:
            case ContinuedAsNew() as outcome:
                self._continue(run, outcome)
                return None
            case Completed() | Failed() as outcome:
                return output_of(outcome, self._opening, step=self._position - 1)
        raise AssertionError(step.outcome)

    def _continue(self, run: Run, outcome: ContinuedAsNew) -> None:
        context = self._context
        start = self._opening.following(
            outcome,
            patches=self._bridge.program.patches(self._workflow),
            sequence=context._sequence_number + _SEQUENCE_MARGIN,
            custom_status=run.custom_status_json,
        )
        envelope = encode_start(start)
        # The SDK writes the input only when the execution is over, and events of the same work item
        # may come until then: they are added to these very lists.
        envelope["pending"], envelope["heard"] = self._hearing.pending, self._hearing.ids
        context.continue_as_new(envelope, save_events=True)

    def _say_last_words(self) -> None:
        """Say what is dark of the run's end, before the SDK answers the server with it."""
        # One of the SDKs gives no events to a workflow that has ended.
        is_late = self._hearing.is_late or EVENT_CHANNEL in self._context._received_events
        words = self._last_words.text(self._run, is_late=is_late and self._is_over)
        if words is not None:
            self._show(words)

    def _park(self, error: BaseException) -> None:
        if self._is_parked:
            return
        self._is_parked = True
        is_stalled = not isinstance(error, WorkflowNotRegisteredError)
        run = self._run
        shown = encode_status(
            None if run is None else run.custom_status_json,
            notes=() if run is None else run.notes,
            held=str(error),
            is_stalled=is_stalled,
        )
        self._show(shown)
        parking.answer_nothing(self._context)
        self._bridge.park(self._context.instance_id, self._workflow, str(error))


class _MustWait(Exception):
    """What this worker cannot read as things are: another, or a later time, may."""
