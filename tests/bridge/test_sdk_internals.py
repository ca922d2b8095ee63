"""A canary: the internals of durabletask that the bridge touches, each with what it relies on.

A new version of the SDK that fails here needs a look before anything else. (Dapr's SDK must not be
imported in this process: their protobuf symbols collide. Its plugin has a canary of its own.)
"""

from __future__ import annotations

import inspect
import json
import sys
from datetime import datetime
from typing import Any

import pytest
from durabletask import task, worker
from durabletask.internal import orchestrator_service_pb2 as pb
from durabletask.serialization import JsonDataConverter

from perdure.spi.bridge import StartEnvelope, Superseded, encode_start
from perdure.spi.bridge.sdk import watching
from tests.bridge.programs import SDK, WatchedBridge, app


@pytest.fixture
def context() -> Any:
    registry = worker._Registry()  # type: ignore[no-untyped-call]  # the SDK has no types here
    context = worker._RuntimeOrchestrationContext("i", registry, JsonDataConverter())
    context.current_utc_datetime = datetime(2026, 1, 1)  # noqa: DTZ001 - as the SDK has it
    return context


def test_a_completable_task_is_made_without_arguments_and_completed_by_anybody() -> None:
    made: task.CompletableTask[None] = task.CompletableTask()
    made.complete(None)
    assert made.is_complete


@pytest.mark.parametrize("is_complete", [False, True])
def test_a_composite_hears_of_its_child_once(is_complete: bool) -> None:
    heard: list[Any] = []
    child: task.CompletableTask[int] = task.CompletableTask()
    if is_complete:
        child.complete(1)
    watch: Any = watching(SDK)(child, heard.append)
    if not is_complete:
        child.complete(1)
    assert heard == [child]
    assert not watch.is_complete


def test_a_composite_hears_of_a_failure() -> None:
    heard: list[Any] = []
    child: task.CompletableTask[int] = task.CompletableTask()
    watching(SDK)(child, heard.append)
    child.fail("no", pb.TaskFailureDetails(errorType="t", errorMessage="m"))
    details = heard[0].get_exception().details
    assert heard[0].is_failed
    assert (details.error_type, details.message, details.stack_trace) == ("t", "m", None)


def test_a_generator_is_resumed_while_its_last_task_is_complete(context: Any) -> None:
    wakes = [task.CompletableTask[Any]() for _ in range(3)]
    context.run(iter_tasks := (wake for wake in wakes))
    wakes[1].complete(None)
    wakes[0].complete(None)
    context.resume()
    assert context._previous_task is wakes[2]
    iter_tasks.close()


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


def test_what_was_asked_for_last_is_the_newest_of_what_is_pending(context: Any) -> None:
    asks: tuple[Any, ...] = (
        lambda: context.call_activity("a", input={}),
        lambda: context.create_timer(datetime(2026, 1, 2)),  # noqa: DTZ001 - as the SDK has it
        lambda: context.call_sub_orchestrator("c", input={}, instance_id="i"),
    )
    for ask in asks:
        ask()
        assert next(reversed(context._pending_actions)) == context._sequence_number


def test_events_that_nobody_takes_stand_under_their_folded_names() -> None:
    source = inspect.getsource(worker._OrchestrationExecutor.process_event)
    assert "event.eventRaised.name.casefold()" in source
    assert "ctx._received_events[event_name] = event_list" in source


def test_the_custom_status_is_read_behind_the_actions() -> None:
    source = inspect.getsource(worker._OrchestrationExecutor.execute)
    assert source.index("ctx.get_actions()") < source.index("ctx._encoded_custom_status")


def test_a_workflow_that_returns_or_is_terminated_is_completed_by_way_of_the_context() -> None:
    source = inspect.getsource(worker._OrchestrationExecutor.process_event)
    assert source.count("ctx.set_complete(") == 3  # plain functions, force, the end of a generator


def test_the_input_of_the_next_run_is_written_when_the_execution_ends(context: Any) -> None:
    envelope: dict[str, Any] = {"pending": []}
    context.continue_as_new(envelope, save_events=True)
    envelope["pending"].append(1)
    (action,) = context.get_actions()
    assert json.loads(action.completeOrchestration.result.value) == {"pending": [1]}


def test_the_ends_of_an_execution_are_looked_up_on_the_context() -> None:
    source = inspect.getsource(worker._OrchestrationExecutor.execute)
    assert "ctx.set_failed(ex)" in source
    assert "ctx.get_actions()" in source
    terminating = inspect.getsource(worker._OrchestrationExecutor.process_event)
    assert "is_result_encoded=True" in terminating


def test_a_command_that_history_has_and_the_generator_not_is_a_non_determinism_error() -> None:
    error = worker._get_non_determinism_error(1, "call_activity")
    assert isinstance(error, SDK.non_determinism_error)
    assert isinstance(
        worker._get_wrong_action_name_error(1, "call_activity", "a", "b"),
        SDK.non_determinism_error,
    )


def test_the_other_sdk_is_not_in_this_process() -> None:
    assert not any(name.startswith("dapr.") for name in sys.modules)


def test_the_older_of_two_executions_at_once_gives_up(context: Any) -> None:
    """Its answer would be stale; what it raises is no ``Exception``, which the SDK would report."""
    bridge = WatchedBridge(app)
    value = encode_start(StartEnvelope(run_id="r", seed="r", arguments='{"steps": 2}'))
    older = bridge.orchestrator("chain")(context, value)
    next(older)
    next(bridge.orchestrator("chain")(context, value))
    context._pending_tasks[1].complete({"perdure": 1, "of": "r:1", "result": "1"})
    with pytest.raises(Superseded) as raised:
        next(older)
    assert not isinstance(raised.value, Exception)
    bridge.close()
