"""A canary: the internals of Microsoft's SDK that this plugin touches, with what each must do.

A new version of the SDK that fails here needs a look before anything else. What the bridge needs of
it has a canary beside the bridge.
"""

from __future__ import annotations

import inspect
import logging
import threading
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import pytest
from azure_kit.messages import event
from azure_kit.sdk_workers import make_worker
from durabletask import worker as worker_module
from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker

from perdure.spi.remote.sdk_threads import QuickShutdown
from perdure_azure import sdk
from perdure_azure.sdk_executor import SdkExecutor
from perdure_azure.sdk_worker import _RUN_LOOP, _execute_orchestrator

worker: Any = worker_module
LOGGER = logging.getLogger("perdure.azure.sdk")


def executor_of(registry: Any) -> Any:
    return SdkExecutor(registry, LOGGER, data_converter=sdk.plain_json)


def begun(text: str = "5") -> list[Any]:
    return [event("orchestratorStarted"), event("executionStarted", name="plan", input=text)]


def test_the_version_is_the_one_that_was_looked_at() -> None:
    assert version("durabletask.azuremanaged").startswith("1.12.")
    assert version("durabletask").startswith("1.12.")


# -- the worker -----------------------------------------------------------------------------------


def test_the_worker_has_what_is_replaced_in_it() -> None:
    plain: Any = DurableTaskSchedulerWorker(
        host_address="127.0.0.1:1", taskhub="trips", token_credential=None, secure_channel=False
    )
    for name, kind in {
        "_registry": sdk.Registry,
        "_async_worker_manager": sdk.TurnManager,
        "_shutdown": threading.Event,
        "_emit_trace_spans": bool,
        "_owns_channel": bool,
        "_concurrency_options": sdk.ConcurrencyOptions,
        "_logger": logging.Logger,
    }.items():
        assert isinstance(getattr(plain, name), kind), name
    for name in ("_channel", "_runLoop", "_response_stream"):
        assert getattr(plain, name, None) is None, name
    made = make_worker()
    assert not made._owns_channel
    assert isinstance(made._shutdown, QuickShutdown)
    assert made._logger is LOGGER
    assert made.maximum_timer_interval is None


def test_the_worker_makes_its_loop_in_a_thread_that_it_keeps() -> None:
    source = inspect.getsource(worker.TaskHubGrpcWorker.start)
    assert "self._runLoop = Thread(target=run_loop)" in source
    assert "self._shutdown.clear()" in source
    stopping = inspect.getsource(worker.TaskHubGrpcWorker.stop)
    assert "self._shutdown.set()" in stopping
    assert "self._response_stream.cancel()" in stopping


def test_the_loop_waits_for_the_shutdown_that_is_quick_in_it() -> None:
    source = inspect.getsource(worker.TaskHubGrpcWorker._async_run_loop)
    assert "self._shutdown.wait(delay)" in source
    assert make_worker()._shutdown._thread_name == _RUN_LOOP


def test_the_loop_asks_the_channel_that_it_is_given_for_its_stream() -> None:
    source = inspect.getsource(worker.TaskHubGrpcWorker._async_run_loop)
    for part in (
        "current_channel: grpc.Channel | None = self._channel",
        "stubs.TaskHubSidecarServiceStub(current_channel)",
        "self._response_stream = stub.GetWorkItems(get_work_items_request)",
        "and self._owns_channel",
    ):
        assert part in source, part


@pytest.mark.parametrize(
    "said",
    [
        "Failed to create connection",
        "Connection failed, retrying",
        "Connection-level gRPC error",
        "Application-level gRPC error",
        "The sidecar at address",
        "Error in work item stream",
        "Unexpected error",
    ],
)
def test_the_loop_says_so_while_the_scheduler_is_away(said: str) -> None:
    assert said in inspect.getsource(worker.TaskHubGrpcWorker._async_run_loop)


def test_a_health_ping_is_passed_over_by_the_loop_and_counts_as_a_sign_of_life() -> None:
    source = inspect.getsource(worker.TaskHubGrpcWorker._async_run_loop)
    assert 'if work_item.HasField("healthPing"):' in source
    options = sdk.GrpcWorkerResiliencyOptions()
    assert options.silent_disconnect_timeout_seconds == 120


def test_a_work_item_outlives_that_it_is_made_a_health_ping() -> None:
    item = sdk.pb.WorkItem(completionToken="token")
    item.orchestratorRequest.instanceId = "trip-1"
    request = item.orchestratorRequest
    item.healthPing.SetInParent()
    assert item.WhichOneof("request") == "healthPing"
    assert request.instanceId == "trip-1"


def test_the_interceptor_shows_the_hub_and_the_worker() -> None:
    parameters = inspect.signature(sdk.DTSDefaultClientInterceptorImpl).parameters
    assert list(parameters) == ["token_credential", "taskhub_name", "worker_id", "resource_id"]
    made = sdk.DTSDefaultClientInterceptorImpl(None, "trips", worker_id="w")
    assert dict(made._metadata) == {
        "taskhub": "trips",
        "workerid": "w",
        "x-user-agent": sdk.user_agent(),
    }


def test_the_worker_writes_to_no_log_of_the_sdks() -> None:
    before = list(logging.getLogger("durabletask-worker").handlers)
    made = make_worker()
    assert logging.getLogger("durabletask-worker").handlers == before
    assert made._logger.level == logging.WARNING


# -- the registry and the executor ----------------------------------------------------------------


def test_the_registry_has_every_name_for_the_sdk() -> None:
    assert list(inspect.signature(sdk.Registry.get_orchestrator).parameters) == ["self", "name"]
    registry = make_worker()._registry
    assert callable(registry.get_orchestrator("anything"))
    assert registry.get_orchestrator("a") is registry.get_orchestrator("a")


def test_the_worker_executes_turns_with_an_executor_by_a_name_of_its_module() -> None:
    method = worker.TaskHubGrpcWorker._execute_orchestrator
    assert "_OrchestrationExecutor" in method.__code__.co_names
    parameters = inspect.signature(method).parameters
    assert list(parameters) == ["self", "req", "stub", "completionToken"]
    ours: Any = _execute_orchestrator
    assert ours.__globals__["_OrchestrationExecutor"] is SdkExecutor
    assert method.__globals__["_OrchestrationExecutor"] is not SdkExecutor


def test_a_turn_is_answered_once_by_the_stub_that_is_handed_over() -> None:
    answers: list[Any] = []
    stub = SimpleNamespace(CompleteOrchestratorTask=answers.append)
    request = sdk.pb.OrchestratorRequest(instanceId="trip-1", newEvents=begun())
    _execute_orchestrator(make_worker(), request, stub, "token")
    (answer,) = answers
    assert (answer.instanceId, answer.completionToken) == ("trip-1", "token")
    assert [action.scheduleTask.name for action in answer.actions] == ["quote"]


def test_an_execution_asks_the_registry_and_answers_with_actions_and_status() -> None:
    result = executor_of(make_worker()._registry).execute("i", [], begun())
    assert [action.scheduleTask.name for action in result.actions] == ["quote"]
    assert result.encoded_custom_status == '"plan of 5"'


def test_a_command_that_does_not_fit_is_named() -> None:
    other = event("subOrchestrationInstanceCreated", id=1, name="leg", instanceId="c")
    result = executor_of(make_worker()._registry).execute("i", begun(), [other])
    message = result.actions[0].completeOrchestration.failureDetails.errorMessage
    assert "Recorded: 'leg'" in message


def test_a_release_without_a_hold_fails_nothing() -> None:
    held = [event("executionSuspended"), event("executionSuspended"), event("executionResumed")]
    result = executor_of(make_worker()._registry).execute(
        "i", begun(), [*held, event("executionResumed")]
    )
    assert [action.scheduleTask.name for action in result.actions] == ["quote"]


def test_an_end_by_force_is_answered_with_nothing_else() -> None:
    result = executor_of(make_worker()._registry).execute(
        "i", [], [*begun(), event("executionTerminated", input='"enough"')]
    )
    (action,) = result.actions
    assert (
        action.completeOrchestration.orchestrationStatus == sdk.pb.ORCHESTRATION_STATUS_TERMINATED
    )


@pytest.mark.parametrize("text", ["null", '""', "0"])
def test_the_custom_status_is_text_as_it_is_given(text: str) -> None:
    context = sdk.OrchestrationContext(
        "i", sdk.Registry(), data_converter=sdk.plain_json, maximum_timer_interval=None
    )
    assert context._encoded_custom_status is None
    from perdure_azure.sdk_executor import SdkContext

    SdkContext.set_custom_status(context, text)
    assert context._encoded_custom_status == text
    source = inspect.getsource(sdk.OrchestrationExecutor.execute)
    assert "encoded_custom_status=ctx._encoded_custom_status" in source


def test_the_context_is_made_by_a_name_of_its_module() -> None:
    assert "_RuntimeOrchestrationContext" in sdk.OrchestrationExecutor.execute.__code__.co_names


def test_failure_details_hold_class_message_and_traceback() -> None:
    try:
        raise KeyError("gone")
    except KeyError as error:
        details = sdk.helpers.new_failure_details(error)
    assert details.errorType == "builtins.KeyError"
    assert details.errorMessage == "'gone'"
    assert "test_sdk_internals" in details.stackTrace.value
