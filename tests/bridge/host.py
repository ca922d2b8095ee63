"""A server in the test's own hands: durabletask's real executor, driven work item by work item.

It says in which order things happen, which answers are lost, and which bridge executes what.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from durabletask.internal import helpers
from durabletask.internal import orchestrator_service_pb2 as pb
from durabletask.serialization import JsonDataConverter
from durabletask.worker import _OrchestrationExecutor, _Registry

from perdure.spi.bridge import (
    EVENT_CHANNEL,
    StartEnvelope,
    encode_event,
    encode_start,
    run_activity,
    with_plain_holds,
)
from perdure.spi.bridge.errands import is_reserved, run_errand
from tests.bridge.neighbours import Neighbours

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from perdure.spi.bridge import Bridge

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
START_US = 1_800_000_000_000_000

# One loop for all activities of all hosts: a loop of its own for each would take most of the time.
_RUNNER = asyncio.Runner()
atexit.register(_RUNNER.close)
_logger = logging.getLogger("perdure.tests.bridge")


@dataclass(frozen=True)
class Call:
    """An activity to run, or a child to start."""

    name: str
    input: str
    child_id: str = ""
    orchestration_id: str = ""
    task_id: int = 0


class Host:
    """One instance, its history and what is open of it."""

    def __init__(
        self, bridge: Bridge, *, instance_id: str = "trip-1", forgets: bool = False
    ) -> None:
        """Make a server with nothing on it.

        Args:
            bridge: What executes unless another one is given.
            instance_id: The id of the instance.
            forgets: Whether what is asked for in the work item that ends a run is dropped, as one
                of the SDKs does.
        """
        self.bridge = self.executed_by = bridge
        self.forgets = forgets
        self.instance_id = instance_id
        self.now_us = START_US
        self.history: list[Any] = []
        self.inbox: list[Any] = []
        self.activities: dict[int, Call] = {}
        self.children: dict[int, Call] = {}
        self.timers: dict[int, int] = {}
        self.timers_created = 0
        self.timer_texts: dict[int, str] = {}
        self.status = "running"
        self.output: str | None = None
        self.failure: Any = None
        self.custom_status: str | None = None
        self.neighbours = Neighbours()
        self.runs = 1
        self.work_items = 0

    # -- what a client does -----------------------------------------------------------------------

    def start(self, workflow: str, *, run_id: str = "run-1", **arguments: Any) -> Host:
        """Start the instance as perdure's client does, and execute it."""
        return self.begin(workflow, arguments, run_id=run_id)

    def begin(
        self, workflow: str, arguments: dict[str, Any], *, run_id: str = "run-1", **options: Any
    ) -> Host:
        """Start the instance with options of its envelope, and execute it."""
        seed = options.pop("seed", run_id)
        text = json.dumps(arguments)
        start = StartEnvelope(run_id=run_id, seed=seed, arguments=text, **options)
        return self.start_with(workflow, json.dumps(encode_start(start)))

    def start_with(self, workflow: str, text: str | None) -> Host:
        """Start the instance with any input, and execute it."""
        self.workflow = workflow
        self.inbox = [helpers.new_execution_started_event(workflow, self.instance_id, text)]
        return self.execute()

    def raise_event(self, name: str, payload: Any, *, id: str = "") -> Host:
        """Raise an event as perdure's client does."""
        return self.raise_event_text(name, json.dumps(payload), id=id)

    def raise_event_text(self, name: str, payload: str, *, id: str = "") -> Host:
        """Raise an event whose payload is JSON text already."""
        return self.raise_foreign(EVENT_CHANNEL, encode_event(name, payload, id=id))

    def raise_foreign(self, name: str, value: Any) -> Host:
        """Raise an event as any client does."""
        self.inbox.append(helpers.new_event_raised_event(name, json.dumps(value)))
        return self

    def terminate(self) -> Host:
        """End the instance by force."""
        self.inbox.append(helpers.new_terminated_event(encoded_output='"enough"'))
        return self

    def suspend(self) -> Host:
        """Put the instance on hold."""
        self.inbox.append(helpers.new_suspend_event())
        return self

    def resume(self) -> Host:
        """Lift the hold."""
        self.inbox.append(helpers.new_resume_event())
        return self

    # -- what a server does -----------------------------------------------------------------------

    def answer(self, id: int) -> Host:
        """Run an activity and deliver its outcome."""
        call = self.activities.pop(id)
        context = Call(name="", input="", orchestration_id=self.instance_id, task_id=id)
        work = self._work(call, context)
        try:
            output = json.dumps(_RUNNER.run(work))
        except Exception as error:  # noqa: BLE001 - as the SDK does
            self.inbox.append(helpers.new_task_failed_event(id, error))
        else:
            self.inbox.append(helpers.new_task_completed_event(id, output))
        return self

    def _work(self, call: Call, context: Call) -> Coroutine[Any, Any, Any]:
        value = json.loads(call.input)
        if is_reserved(call.name):
            return run_errand(self.neighbours, call.name, value)
        return run_activity(self.bridge.program, call.name, context, value)

    def answered(self, id: int, value: Any) -> Host:
        """Deliver what somebody else's activity returned."""
        del self.activities[id]
        self.inbox.append(helpers.new_task_completed_event(id, json.dumps(value)))
        return self

    def fire(self, id: int) -> Host:
        """Let a timer fire at its instant."""
        fire_at_us = self.timers.pop(id)
        self.now_us = max(self.now_us, fire_at_us)
        self.inbox.append(helpers.new_timer_fired_event(id, _naive(fire_at_us)))
        return self

    def answer_child(self, id: int, host: Host) -> Host:
        """Deliver how a child ended."""
        del self.children[id]
        if host.status == "completed":
            event = helpers.new_sub_orchestration_completed_event(id, host.output)
        else:
            event = helpers.new_sub_orchestration_failed_event(id, ValueError())
            details = event.subOrchestrationInstanceFailed.failureDetails
            details.Clear()
            if host.failure is not None:
                details.CopyFrom(host.failure)
        self.inbox.append(event)
        return self

    def execute(self, bridge: Bridge | None = None, *, loses_answer: bool = False) -> Host:
        """Execute one work item with all that has come."""
        if not self.inbox or self.status != "running":
            return self
        self.now_us += 1_000
        self.work_items += 1
        self.executed_by = bridge or self.bridge
        new = [_at(helpers.new_orchestrator_started_event(), self.now_us), *self.inbox]
        executor = self._executor(self.executed_by)
        past_and_new = with_plain_holds(self.history, new) or (self.history, new)
        result = executor.execute(self.instance_id, *past_and_new)
        if loses_answer:
            return self
        self.history += new
        self.inbox = []
        self.custom_status = result.encoded_custom_status
        actions = result.actions
        if self.forgets and any(action.HasField("completeOrchestration") for action in actions):
            actions = actions[-1:]
        for action in actions:
            self._apply(action)
        return self

    def run(self, *, most: int = 10_000) -> Host:
        """Go on until nothing is open, one answer at a time, oldest first."""
        for _ in range(most):
            if self.inbox:
                self.execute()
            elif self.status == "running" and self.activities:
                self.answer(min(self.activities))
            elif self.status == "running" and self.timers:
                self.fire(min(self.timers, key=lambda id: (self.timers[id], id)))
            else:
                return self
        raise AssertionError("it goes on for ever")

    def result(self) -> Any:
        """Return the value the workflow returned."""
        assert self.status == "completed", (self.status, self.failure)
        return None if self.output is None else json.loads(self.output)

    def _executor(self, bridge: Bridge) -> _OrchestrationExecutor:
        registry: Any = _Registry()  # type: ignore[no-untyped-call]  # the SDK has no types here
        registry.timer_texts = self.timer_texts
        registry.add_named_orchestrator(self.workflow, bridge.orchestrator(self.workflow))
        return _OrchestrationExecutor(
            registry, _logger, JsonDataConverter(), maximum_timer_interval=None
        )

    def _apply(self, action: Any) -> None:
        match action.WhichOneof("orchestratorActionType"):
            case "scheduleTask":
                task = action.scheduleTask
                scheduled = helpers.new_task_scheduled_event(action.id, task.name)
                scheduled.taskScheduled.input.CopyFrom(task.input)
                self.history.append(scheduled)
                self.activities[action.id] = Call(name=task.name, input=task.input.value)
            case "createTimer":
                fire_at = action.createTimer.fireAt.ToDatetime()
                self.history.append(helpers.new_timer_created_event(action.id, fire_at))
                microseconds = timedelta(microseconds=1)
                self.timers[action.id] = (fire_at.replace(tzinfo=UTC) - EPOCH) // microseconds
                self.timers_created += 1
            case "createSubOrchestration":
                child = action.createSubOrchestration
                self.history.append(
                    helpers.new_sub_orchestration_created_event(
                        action.id, child.name, child.instanceId, child.input.value
                    )
                )
                self.children[action.id] = Call(
                    name=child.name, input=child.input.value, child_id=child.instanceId
                )
            case "completeOrchestration":
                self._end(action.completeOrchestration)

    def _end(self, complete: Any) -> None:
        if complete.orchestrationStatus == pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW:
            self.runs += 1
            self.history = []
            started = helpers.new_execution_started_event(
                self.workflow, self.instance_id, complete.result.value
            )
            self.inbox = [started, *complete.carryoverEvents]
            self.execute()
            return
        names = {
            pb.ORCHESTRATION_STATUS_COMPLETED: "completed",
            pb.ORCHESTRATION_STATUS_FAILED: "failed",
            pb.ORCHESTRATION_STATUS_TERMINATED: "terminated",
        }
        self.status = names[complete.orchestrationStatus]
        self.output = complete.result.value if complete.HasField("result") else None
        self.failure = complete.failureDetails if complete.HasField("failureDetails") else None


def _naive(at_us: int) -> datetime:
    return (EPOCH + timedelta(microseconds=at_us)).replace(tzinfo=None)


def _at(event: Any, at_us: int) -> Any:
    event.timestamp.FromDatetime(_naive(at_us))
    return event
