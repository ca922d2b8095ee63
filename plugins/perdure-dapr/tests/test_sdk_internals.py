"""A canary: the internals of Dapr's SDK that plugin and bridge touch, with what each must do.

A new version of the SDK that fails here needs a look before anything else.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import sys
import threading
from datetime import datetime
from typing import Any

import pytest
from dapr_kit.messages import event, timestamp

from perdure.spi.bridge.sdk import watching
from perdure_dapr import sdk
from perdure_dapr.address import Address
from perdure_dapr.numbers import numbering
from perdure_dapr.sdk import sdk_of_dapr
from perdure_dapr.sdk_executor import SdkExecutor, with_our_executor
from perdure_dapr.sdk_worker import SdkWorker

worker: Any = sys.modules["dapr.ext.workflow._durabletask.worker"]
task: Any = sys.modules["dapr.ext.workflow._durabletask.task"]
SDK = sdk_of_dapr()
LOGGER = logging.getLogger("perdure.dapr.sdk")


@pytest.fixture
def context() -> Any:
    context = worker._RuntimeOrchestrationContext("i")
    context.current_utc_datetime = datetime(2026, 1, 1)  # noqa: DTZ001 - as the SDK has it
    return context


class Bridge:
    """A bridge as far as the registry asks for it."""

    def orchestrator(self, name: str) -> Any:
        def generator(context: Any, value: Any) -> Any:
            context.set_custom_status(json.dumps(f"{name} of {value}"))
            assert SDK.call_activity is not None
            yield SDK.call_activity(context, "quote", lambda: '{"a":1}', "run-1")
            return "planned"

        return generator

    def async_activity(self, name: str, loop: asyncio.AbstractEventLoop) -> Any:
        async def activity(context: Any, value: Any) -> str:
            return f"{name} {context.orchestration_id} {context.task_id} {value}"

        return activity


def make_worker() -> Any:
    loop = asyncio.new_event_loop()
    loop.close()
    bridge: Any = Bridge()
    return SdkWorker(Address(target="127.0.0.1:1"), bridge, loop=loop)


# -- tasks ----------------------------------------------------------------------------------------


def test_a_completable_task_is_made_without_arguments_and_completed_by_anybody() -> None:
    made = task.CompletableTask()
    made.complete(None)
    assert made.is_complete


@pytest.mark.parametrize("is_complete", [False, True])
def test_a_composite_hears_of_its_child_once(is_complete: bool) -> None:
    heard: list[Any] = []
    child = task.CompletableTask()
    if is_complete:
        child.complete(1)
    watch: Any = watching(SDK)(child, heard.append)
    if not is_complete:
        child.complete(1)
    assert heard == [child]
    assert not watch.is_complete


def test_a_composite_hears_of_a_failure() -> None:
    heard: list[Any] = []
    child = task.CompletableTask()
    watching(SDK)(child, heard.append)
    child.fail("no", sdk.pb.TaskFailureDetails(errorType="t", errorMessage="m"))
    details = heard[0].get_exception().details
    assert heard[0].is_failed
    assert (details.error_type, details.message) == ("t", "m")


def test_a_generator_is_resumed_while_its_last_task_is_complete(context: Any) -> None:
    wakes = [task.CompletableTask() for _ in range(3)]
    context.run(iter_tasks := (wake for wake in wakes))
    wakes[1].complete(None)
    wakes[0].complete(None)
    context.resume()
    assert context._previous_task is wakes[2]
    iter_tasks.close()


# -- the context ----------------------------------------------------------------------------------


def test_the_context_has_what_the_bridge_calls(context: Any) -> None:
    assert "instance_id" in inspect.signature(context.call_sub_orchestrator).parameters
    assert list(inspect.signature(context.set_failed).parameters) == ["ex"]
    parameters = inspect.signature(context.set_complete).parameters
    assert list(parameters) == ["result", "status", "is_result_encoded"]
    assert context.is_replaying is True


def test_the_numbering_of_commands_may_begin_anywhere(context: Any) -> None:
    context._sequence_number = 41
    context.call_activity("a", input={})
    assert [action.id for action in context.get_actions()] == [42]


def test_the_input_of_the_next_run_is_written_when_the_execution_ends(context: Any) -> None:
    envelope: dict[str, Any] = {"pending": []}
    context.continue_as_new(envelope, save_events=True)
    envelope["pending"].append(1)
    (action,) = context.get_actions()
    assert json.loads(action.completeWorkflow.result.value) == {"pending": [1]}


def test_the_custom_status_is_text_as_it_is_given(context: Any) -> None:
    context.set_custom_status('"at work"')
    assert context._encoded_custom_status == '"at work"'
    context.set_custom_status(None)
    assert context._encoded_custom_status is None


def test_the_ends_of_an_execution_are_looked_up_on_the_context() -> None:
    source = inspect.getsource(worker._OrchestrationExecutor.execute)
    assert "ctx.set_failed(ex)" in source
    assert "ctx.get_actions()" in source
    terminating = inspect.getsource(worker._OrchestrationExecutor.process_event)
    assert "is_result_encoded=True" in terminating


def test_a_command_that_history_has_and_the_generator_not_is_a_non_determinism_error() -> None:
    error = worker._get_non_determinism_error(1, "call_activity")
    assert isinstance(error, SDK.non_determinism_error)


# -- calls of activities --------------------------------------------------------------------------


def scheduled_as(number: int, name: str) -> Any:
    scheduled = event("taskScheduled", name=name)
    scheduled.eventId = number
    return scheduled


def test_an_activity_is_called_with_text_and_the_mark_of_the_run(context: Any) -> None:
    assert SDK.call_activity is not None
    called: Any = SDK.call_activity(context, "quote", lambda: '{"a":1}', "0123abcd")
    (action,) = context.get_actions()
    assert action.scheduleTask.name == "quote"
    assert action.scheduleTask.input.value == '{"a":1}'
    assert action.scheduleTask.taskExecutionId == "0123abcd"
    context.run(each for each in (called, task.CompletableTask()))
    answered = event("taskCompleted", taskScheduledId=action.id, result="[2]")
    process(context, scheduled_as(action.id, "quote"), answered)
    assert called.get_result() == [2]


def test_a_call_that_history_has_is_compared_by_its_name_and_not_sent(context: Any) -> None:
    assert SDK.call_activity is not None

    def unasked() -> str:
        raise AssertionError("history has it")

    with numbering([scheduled_as(7, "quote"), scheduled_as(8, "quote")]):
        called: Any = SDK.call_activity(context, "quote", unasked, "0123abcd")
        other: Any = SDK.call_activity(context, "book", unasked, "0123abcd")
    context.run(each for each in (called, other, task.CompletableTask()))
    answered = event("taskCompleted", taskScheduledId=7, result="[2]")
    process(context, scheduled_as(7, "quote"), answered)
    assert called.get_result() == [2]
    with pytest.raises(sdk.NonDeterminismError, match="book"):
        process(context, scheduled_as(8, "quote"))
    assert context.get_actions() == []


def test_the_sdks_own_call_writes_a_uuid_so_ours_is_needed(context: Any) -> None:
    context.call_activity("quote", input={"a": 1})
    (action,) = context.get_actions()
    assert len(action.scheduleTask.taskExecutionId) == 36


# -- listening and timers -------------------------------------------------------------------------


def process(context: Any, *events: Any) -> None:
    executor = SdkExecutor(make_worker()._registry, LOGGER)
    for each in events:
        executor.process_event(context, each)


def waits_for(context: Any, name: str) -> Any:
    """Run a generator that listens, on the context; return the task."""
    assert SDK.listen is not None
    heard: Any = SDK.listen(context, name)

    def generator() -> Any:
        yield heard
        yield task.CompletableTask()

    context.run(generator())
    return heard


def test_listening_takes_the_next_event_and_leaves_nothing_in_history(context: Any) -> None:
    heard = waits_for(context, "Perdure.Event")
    assert context.get_actions() == []
    process(context, event("eventRaised", name="perdure.event", input='{"a":1}'))
    assert heard.get_result() == {"a": 1}
    assert not context._pending_events


def test_listening_takes_events_that_came_before_in_their_order(context: Any) -> None:
    process(
        context,
        event("eventRaised", name="perdure.event", input="1"),
        event("eventRaised", name="perdure.event", input="2"),
    )
    assert SDK.listen is not None
    heard = [SDK.listen(context, "perdure.event") for _ in range(3)]
    assert [each.get_result() for each in heard[:2]] == [1, 2]
    assert not heard[2].is_complete  # type: ignore[attr-defined]  # of the SDK's task
    assert context.get_actions() == []


def test_the_sdks_own_wait_writes_a_timer_so_ours_is_needed(context: Any) -> None:
    context.wait_for_external_event("perdure.event")
    assert [action.HasField("createTimer") for action in context.get_actions()] == [True]


@pytest.mark.parametrize("text", ["", '[{"s":1}]'])
def test_a_timer_bears_its_text_and_is_one_that_a_user_makes(context: Any, text: str) -> None:
    assert SDK.create_timer is not None
    fire_at = datetime(2026, 1, 2)  # noqa: DTZ001 - as the SDK has it
    timer: Any = SDK.create_timer(context, fire_at, text)
    (action,) = context.get_actions()
    assert action.createTimer.name == text
    assert action.createTimer.WhichOneof("origin") == "createTimer"
    assert action.createTimer.fireAt.ToDatetime() == fire_at
    context.run(each for each in (timer, task.CompletableTask()))
    created = event("timerCreated", id=action.id, fireAt=timestamp(0))
    process(context, created, event("timerFired", timerId=action.id, fireAt=timestamp(0)))
    assert timer.is_complete


def test_a_timer_is_counted_apart_from_what_the_sdk_counts(context: Any) -> None:
    assert SDK.create_timer is not None
    context._sequence_number = 7
    SDK.create_timer(context, datetime(2026, 1, 2), "")  # noqa: DTZ001 - as the SDK has it
    context.call_sub_orchestrator("leg", input=None, instance_id="c")
    timer, child = context.get_actions()
    assert (child.id, timer.id > 2**19) == (8, True)


def test_what_history_holds_keeps_its_number_and_what_it_lacks_gets_another_each_time() -> None:
    begun = [event("workflowStarted"), event("executionStarted", name="plan", input="5")]
    executor = SdkExecutor(make_worker()._registry, LOGGER)
    tried = [executor.execute("i", [], begun).actions[0].id for _ in range(2)]
    assert tried[0] != tried[1]
    stored = event("taskScheduled", id=tried[0], name="quote")
    answered = event("taskCompleted", taskScheduledId=tried[0], result="1")
    last = executor.execute("i", [*begun, stored], [event("workflowStarted"), answered])
    assert last.actions[0].HasField("completeWorkflow")


# -- the worker -----------------------------------------------------------------------------------


def test_the_worker_has_what_is_replaced_in_it() -> None:
    made = make_worker()
    assert made._runLoop is None
    assert made._async_worker_manager._queue_event_loop is None
    assert isinstance(made._shutdown, threading.Event)
    for owner in (made, made._async_worker_manager, made._activity_executor):
        assert owner._logger is LOGGER
    assert 'name="WorkerRunLoop"' in inspect.getsource(worker.TaskHubGrpcWorker.start).replace(
        "'", '"'
    )


def test_the_registry_has_every_name_for_the_sdk() -> None:
    registry = make_worker()._registry
    found, version = registry.get_orchestrator("anything", version_name="2")
    assert callable(found)
    assert version is None
    assert asyncio.iscoroutinefunction(registry.get_activity("anything"))
    assert registry.get_activity("a") is registry.get_activity("a")


def test_an_execution_asks_the_registry_and_answers_with_actions_and_status() -> None:
    executor = SdkExecutor(make_worker()._registry, LOGGER)
    begun = [event("workflowStarted"), event("executionStarted", name="plan", input="5")]
    result = executor.execute("i", [], begun)
    assert [action.scheduleTask.name for action in result.actions] == ["quote"]
    assert result.encoded_custom_status == '"plan of 5"'


def test_the_worker_makes_its_executor_by_a_name_of_its_module() -> None:
    method = worker.TaskHubGrpcWorker._execute_orchestrator
    assert "_OrchestrationExecutor" in method.__code__.co_names
    ours = with_our_executor(method)
    assert ours.__globals__["_OrchestrationExecutor"] is SdkExecutor
    assert method.__globals__["_OrchestrationExecutor"] is not SdkExecutor


def test_a_command_that_does_not_fit_is_named() -> None:
    executor = SdkExecutor(make_worker()._registry, LOGGER)
    begun = [event("workflowStarted"), event("executionStarted", name="plan", input="5")]
    other = event("childWorkflowInstanceCreated", id=1, name="leg", instanceId="c")
    result = executor.execute("i", begun, [other])
    message = result.actions[0].completeWorkflow.failureDetails.errorMessage
    assert "Recorded: 'leg'" in message


def test_a_release_without_a_hold_fails_nothing() -> None:
    executor = SdkExecutor(make_worker()._registry, LOGGER)
    begun = [event("workflowStarted"), event("executionStarted", name="plan", input="5")]
    held = [event("executionSuspended"), event("executionSuspended"), event("executionResumed")]
    result = executor.execute("i", begun, [*held, event("executionResumed")])
    assert [action.scheduleTask.name for action in result.actions] == ["quote"]


async def test_an_activity_is_awaited_with_instance_and_number() -> None:
    made = make_worker()
    function = made._registry.get_activity("quote")
    executor = made._activity_executor
    text = await executor.execute_async(function, "trip-1", "quote", 7, '"x"', "", None)
    assert json.loads(text) == "quote trip-1 7 x"


def test_a_cancelled_activity_is_not_answered() -> None:
    source = inspect.getsource(worker.TaskHubGrpcWorker._execute_activity_async)
    assert asyncio.iscoroutinefunction(worker.TaskHubGrpcWorker._execute_activity_async)
    assert "except asyncio.CancelledError:" in source


def test_the_worker_writes_to_no_log_of_the_sdks() -> None:
    import logging

    before = list(logging.getLogger("durabletask-worker").handlers)
    made = make_worker()
    assert logging.getLogger("durabletask-worker").handlers == before
    assert made._logger.level == logging.WARNING
