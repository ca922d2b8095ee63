"""One execution of an instance: the generator that an SDK drives over history and new events."""

from __future__ import annotations

import json
from collections import deque
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from perdure.errors import (
    NonDeterminismError,
    PayloadError,
    PayloadStoreError,
    WorkflowNotRegisteredError,
)
from perdure.spi.bridge import parking
from perdure.spi.bridge.arrivals import event_of, input_of
from perdure.spi.bridge.envelope import encode_start, event_item, is_too_new
from perdure.spi.bridge.messages import END_CHILDREN, WAKE_EVENT
from perdure.spi.bridge.openings import Opening
from perdure.spi.bridge.requests import activity_input, child_input, output_of
from perdure.spi.bridge.run import Superseded
from perdure.spi.bridge.script import ArmTimer, Awaited, EndChildren, Listen, ShowStatus
from perdure.spi.history import (
    ActivityScheduled,
    ChildStarted,
    Completed,
    ContinuedAsNew,
    EventReceived,
    Failed,
)

if TYPE_CHECKING:
    from collections.abc import Generator

    from perdure.spi.bridge.bridge import Bridge
    from perdure.spi.bridge.envelope import Envelope
    from perdure.spi.bridge.run import Run
    from perdure.spi.bridge.script import Operation, Step
    from perdure.spi.bridge.sdk import OrchestrationContext, SdkTask, WakeTask
    from perdure.spi.history import HistoryEvent

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - SDKs keep UTC without a zone
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
        self._pending: list[Envelope] = []
        self._is_over = False
        self._is_parked = False
        self._position = 0
        self._instant = _EPOCH
        self._instant_us = 0
        self._custom_status: str | None = None
        self._run: Run
        self._opening: Opening

    def execute(self, value: object) -> Generator[WakeTask, object, object]:
        """Return the generator. What it yields are wake tasks, each completed by an arrival.

        Raises:
            WireFailure: The workflow failed.
        """
        parking.guard(
            self._context, self._bridge.sdk, park=self._park, is_over=lambda: self._is_over
        )
        try:
            step = self._begin(value)
            if step is None:
                return None
            while step.outcome is None:
                if not self._arrivals:
                    # Never yield what is complete: one of the SDKs would not look at it again.
                    wake = self._wake = self._bridge.sdk.completable_task()
                    yield wake
                    continue
                operation, task = self._arrivals.popleft()
                step = self._known_step(operation, task) or self._new_step(operation, task)
            while step.last is not None:
                if not self._arrivals:
                    wake = self._wake = self._bridge.sdk.completable_task()
                    yield wake
                    continue
                operation, task = self._arrivals.popleft()
                if operation is step.last:
                    break
                self._set_aside(operation, task)
        except (NonDeterminismError, WorkflowNotRegisteredError, _MustWait) as error:
            self._park(error)
            while True:
                yield self._bridge.sdk.completable_task()
        return self._finish(step)

    # -- the steps --------------------------------------------------------------------------------

    def _begin(self, value: object) -> Step | None:
        """Take the first step; return ``None`` where the run begins anew, with its patches."""
        if is_too_new(value):
            raise _MustWait("its input was written by a newer perdure; upgrade this worker")
        bridge, context = self._bridge, self._context
        self._opening = opening = Opening.read(
            value, workflow=self._workflow, instance_id=context.instance_id, at_us=self._now_us()
        )
        start = opening.start
        if start.patches is None and not context.is_replaying:
            patches = bridge.program.patches(self._workflow)
            if patches:
                context.continue_as_new(encode_start(opening.stamped(patches)), save_events=True)
                return None
        context._sequence_number = max(context._sequence_number, start.sequence)
        self._run = bridge.begin(self._workflow, opening)
        with self._run.lock:
            self._run.owner = self
        if start.custom_status is not None:
            self._show(start.custom_status)
        step = self._step(None, opening.started())
        for event in start.pending:
            if step.outcome is None:
                received = EventReceived(
                    at_us=opening.at_us, name=event.name, payload=event.payload
                )
                step = self._step(None, received)
            else:
                self._pending.append(event_item(event))
        return step

    def _known_step(self, operation: Awaited, task: SdkTask) -> Step | None:
        """Return the step that the run has taken already because of this answer, told at a glance.

        Most of what an SDK feeds a generator is this: history, once more with each work item.
        """
        run = self._run
        if self._position >= len(run.steps) or task.is_failed:
            return None
        step = run.steps[self._position]
        if (
            step.answer is None
            or step.cause is not operation
            or step.event.at_us != self._now_us()
            or step.answer != task.get_result()
            or run.owner is not self
        ):
            return None
        self._taken(step)
        return step

    def _new_step(self, operation: Awaited, task: SdkTask) -> Step:
        event = input_of(
            operation,
            task,
            at_us=self._now_us(),
            instance_id=self._context.instance_id,
            run_id=self._run.run_id,
            position=self._position,
        )
        return self._step(operation, event, None if task.is_failed else task.get_result())

    def _step(self, cause: Awaited | None, event: HistoryEvent, answer: object = None) -> Step:
        run = self._run
        with run.lock:
            if run.owner is not self:
                raise Superseded(f"{self._context.instance_id} is executed twice at once")
            try:
                step = run.step(self._position, cause, event, answer=answer)
            except (PayloadError, PayloadStoreError) as error:
                raise _MustWait(str(error)) from error
        self._taken(step)
        return step

    def _taken(self, step: Step) -> None:
        self._position += 1
        for operation in step.operations:
            self._ask(operation)

    def _now_us(self) -> int:
        instant = self._context.current_utc_datetime
        if instant is not self._instant:
            self._instant = instant
            self._instant_us = (instant - _EPOCH) // _MICROSECOND
        return self._instant_us

    # -- asking the SDK ---------------------------------------------------------------------------

    def _ask(self, operation: Operation) -> None:
        if isinstance(operation, ShowStatus):
            self._show(operation.json_text)
            return
        awaited = operation
        self._bridge.watch(self._task_of(awaited), lambda task: self._arrived(awaited, task))

    def _task_of(self, operation: Awaited) -> SdkTask:
        context = self._context
        match operation:
            case ActivityScheduled():
                call = self._unless_answered(operation) and activity_input(operation, self._opening)
                return context.call_activity(operation.name, input=call)
            case ChildStarted():
                start = self._unless_answered(operation) and child_input(operation, self._opening)
                return context.call_sub_orchestrator(
                    operation.workflow, input=start, instance_id=operation.instance_id
                )
            case ArmTimer():
                return context.create_timer(_EPOCH + timedelta(microseconds=operation.deadline_us))
            case Listen():
                return context.wait_for_external_event(operation.name)
            case EndChildren():
                reason = f"its parent {context.instance_id!r} has ended"
                children = {"instance_ids": list(operation.instance_ids), "reason": reason}
                return context.call_activity(END_CHILDREN, input=children)

    def _unless_answered(self, operation: ActivityScheduled | ChildStarted) -> bool | None:
        # Who has the answer has the command in its history; the SDK compares no inputs and sends
        # none again, so one need not be written.
        return None if operation.id in self._run.answered else True

    def _show(self, json_text: str) -> None:
        self._custom_status = json_text
        is_value = self._bridge.sdk.encodes_custom_status
        self._context.set_custom_status(json.loads(json_text) if is_value else json_text)

    def _arrived(self, operation: Awaited, task: SdkTask) -> None:
        # The SDK calls this in the middle of its work.
        if self._is_over:
            self._set_aside(operation, task)
            return
        self._arrivals.append((operation, task))
        wake, self._wake = self._wake, None
        if wake is not None:
            wake.complete(None)

    def _set_aside(self, operation: Awaited, task: SdkTask) -> None:
        """Keep an event that came after the run's last step, for the next run."""
        if isinstance(operation, Listen):
            event = event_of(operation, task, instance_id=self._context.instance_id)
            if event is not None and event.name != WAKE_EVENT:
                self._pending.append(event_item(event))

    # -- endings ----------------------------------------------------------------------------------

    def _finish(self, step: Step) -> object:
        for operation, task in self._arrivals:
            self._set_aside(operation, task)
        self._is_over = True
        self._bridge.end(self._context.instance_id, self._run)
        match step.outcome:
            case ContinuedAsNew() as outcome:
                self._continue(outcome)
                return None
            case Completed() | Failed() as outcome:
                return output_of(outcome, self._opening)
        raise AssertionError(step.outcome)

    def _continue(self, outcome: ContinuedAsNew) -> None:
        context = self._context
        start = self._opening.following(
            outcome,
            patches=self._bridge.program.patches(self._workflow),
            sequence=context._sequence_number + _SEQUENCE_MARGIN,
            custom_status=self._custom_status,
        )
        envelope = encode_start(start)
        # The SDK writes the input only when the execution is over, and events of the same work item
        # may come until then: they are added to this very list.
        envelope["pending"] = self._pending
        context.continue_as_new(envelope, save_events=True)

    def _park(self, error: BaseException) -> None:
        if self._is_parked:
            return
        self._is_parked = True
        parking.answer_nothing(self._context)
        self._bridge.park(self._context.instance_id, self._workflow, str(error))


class _MustWait(Exception):
    """What this worker cannot read as things are: another, or a later time, may."""
