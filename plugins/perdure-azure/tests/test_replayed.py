"""Replayed events: what is taken in the SDK's stead leaves an execution as the SDK would."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from azure_kit.messages import event

from perdure.spi.bridge.sdk import watching
from perdure_azure import sdk
from perdure_azure import sdk_executor as module
from perdure_azure.sdk import sdk_of_azure
from perdure_azure.sdk_executor import SdkExecutor

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

LOGGER = logging.getLogger("perdure.azure.sdk")
SDK = sdk_of_azure()


def call(context: Any, name: str, text: str = '"x"') -> Any:
    assert SDK.call_activity is not None
    return SDK.call_activity(context, name, lambda: text, "mark")


class Registry:
    """Has one workflow, which notes what it sees."""

    versioning = None

    def __init__(self, steps: int = 3) -> None:
        self.steps = steps
        self.seen: list[Any] = []

    def get_orchestrator(self, name: str) -> Callable[[Any, Any], Generator[Any, Any, str]]:
        def plan(context: Any, value: Any) -> Generator[Any, Any, str]:
            for _ in range(self.steps):
                answer = yield call(context, "quote")
                self.seen.append((context.current_utc_datetime, answer))
            return "planned"

        return plan


def history(steps: int) -> list[Any]:
    """Return that of an instance whose first ``steps`` activities have returned."""
    events = [event("orchestratorStarted"), event("executionStarted", name="plan", input="5")]
    for number in range(1, steps + 1):
        began = event("orchestratorStarted")
        began.timestamp.FromDatetime(datetime(2026, 11, 1, 12, 0, number, 250_001))  # noqa: DTZ001
        result = "" if number == 2 else f'{{"step":{number}}}'
        events += [
            event("taskScheduled", id=number, name="quote"),
            began,
            event("taskCompleted", taskScheduledId=number, result=result),
        ]
    return [*events, event("taskScheduled", id=steps + 1, name="quote")]


def executed(registry: Registry, past: list[Any], new: list[Any]) -> Any:
    made: Any = SdkExecutor(registry, LOGGER, data_converter=sdk.plain_json)
    return made.execute("trip-1", past, new)


def told(registry: Registry, result: Any) -> tuple[Any, ...]:
    return registry.seen, [action.SerializeToString() for action in result.actions]


@pytest.mark.parametrize(
    ("steps", "wanted"),
    [
        pytest.param(4, ["scheduleTask"], id="goes on"),
        pytest.param(3, ["completeOrchestration"], id="ends"),
        pytest.param(1, [], id="ends sooner than history"),
    ],
)
def test_an_execution_comes_to_the_same_as_without(
    monkeypatch: pytest.MonkeyPatch, steps: int, wanted: list[str]
) -> None:
    past = history(2)
    new = [event("orchestratorStarted"), event("taskCompleted", taskScheduledId=3, result='"c"')]
    quick, slow = Registry(steps), Registry(steps)
    found = told(quick, result := executed(quick, past, new))
    monkeypatch.setattr(module, "take_replayed", lambda *_: False)
    assert found == told(slow, executed(slow, past, new))
    assert [action.WhichOneof("orchestratorActionType") for action in result.actions] == wanted
    assert [answer for _, answer in quick.seen] == [{"step": 1}, None, "c"][:steps]
    assert quick.seen[0][0] == datetime(2026, 11, 1, 12, 0, 1, 250_001)  # noqa: DTZ001


def test_a_name_that_does_not_fit_is_told_by_the_sdk() -> None:
    past = history(2)
    past[2].taskScheduled.name = "book"
    result = executed(Registry(), past, [event("orchestratorStarted")])
    message = result.actions[-1].completeOrchestration.failureDetails.errorMessage
    assert "Recorded: 'book'" in message


def test_a_call_that_history_has_is_not_written_again() -> None:
    written: list[str] = []

    def write(text: str) -> str:
        written.append(text)
        return text

    class Writing(Registry):
        def get_orchestrator(self, name: str) -> Callable[[Any, Any], Generator[Any, Any, str]]:
            def plan(context: Any, value: Any) -> Generator[Any, Any, str]:
                assert SDK.call_activity is not None
                for number in range(4):
                    make_text = partial(write, f"{number}")
                    yield SDK.call_activity(context, "quote", make_text, "mark")
                return "planned"

            return plan

    new = [event("orchestratorStarted"), event("taskCompleted", taskScheduledId=3, result="1")]
    result = executed(Writing(), history(2), new)
    assert written == ["3"]
    assert result.actions[0].scheduleTask.input.value == "3"
    assert result.actions[0].id == 4


def test_a_result_is_told_from_others_without_being_read() -> None:
    made = sdk.ActivityCall()
    made.complete("no JSON")
    assert SDK.answer_of(made) == "no JSON"
    with pytest.raises(ValueError, match="Expecting value"):
        made.get_result()


@pytest.mark.parametrize("is_complete", [False, True])
def test_who_watches_a_task_is_told_once(is_complete: bool) -> None:
    heard: list[Any] = []
    made = sdk.ActivityCall()
    if is_complete:
        made.complete("1")
    watching(SDK)(made, heard.append)
    if not is_complete:
        assert heard == []
        made.complete("1")
    assert heard == [made]
    assert heard[0].get_result() == 1


def test_who_watches_a_task_is_told_of_a_failure() -> None:
    heard: list[Any] = []
    made = sdk.ActivityCall()
    watching(SDK)(made, heard.append)
    made.fail("no", sdk.pb.TaskFailureDetails(errorType="t", errorMessage="m"))
    assert heard[0].is_failed
