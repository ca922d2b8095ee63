"""Drives one workflow by hand: what the tests of the API put in the place of an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure._replay import WorkflowExecutor
from perdure.spi.history import (
    ActivityCompleted,
    ActivityFailed,
    ChildCompleted,
    ChildFailed,
    Completed,
    ContinuedAsNew,
    EventReceived,
    Failed,
    WorkflowStarted,
)
from perdure.types import Failure

if TYPE_CHECKING:
    from perdure import Workflow
    from perdure.spi.history import HistoryEvent

SECOND_US = 1_000_000
_open: list[WorkflowExecutor] = []


def close_all() -> None:
    """Tear down what the tests so far have left suspended."""
    while _open:
        _open.pop().close()


class Run:
    """One run of a workflow, with all entries of its journal."""

    def __init__(
        self,
        workflow: Workflow[..., Any],
        arguments: str = "{}",
        *,
        tags: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.workflow = workflow
        self.executor = WorkflowExecutor(workflow.definition())
        _open.append(self.executor)
        self.journal: list[HistoryEvent] = []
        started = WorkflowStarted(
            at_us=SECOND_US,
            instance_id="trip-1",
            run_id="run-1",
            workflow=workflow.name,
            arguments=arguments,
            seed="seed",
            tags=tags or {},
            headers=headers or {},
        )
        self.deliver(started)

    def deliver(self, event: HistoryEvent) -> None:
        self.journal += self.executor.deliver(event)

    def complete(self, command: int, result: str) -> None:
        at_us = self.executor.now_us + SECOND_US
        self.deliver(ActivityCompleted(at_us=at_us, id=command, result=result))

    def fail(self, command: int, error: BaseException) -> None:
        at_us = self.executor.now_us + SECOND_US
        failure = Failure.from_exception(error)
        self.deliver(ActivityFailed(at_us=at_us, id=command, failure=failure))

    def complete_child(self, command: int, result: str) -> None:
        at_us = self.executor.now_us + SECOND_US
        self.deliver(ChildCompleted(at_us=at_us, id=command, result=result))

    def fail_child(self, command: int, error: BaseException) -> None:
        at_us = self.executor.now_us + SECOND_US
        failure = Failure.from_exception(error)
        self.deliver(ChildFailed(at_us=at_us, id=command, failure=failure))

    def raise_event(self, name: str, payload: str) -> None:
        at_us = self.executor.now_us + SECOND_US
        self.deliver(EventReceived(at_us=at_us, name=name, payload=payload))

    def advance(self, seconds: int) -> None:
        self.journal += self.executor.advance(self.executor.now_us + seconds * SECOND_US)

    def rebuild(self, *, strict: bool = True) -> WorkflowExecutor:
        """Return another executor that has gone through the journal so far."""
        definition = self.workflow.definition()
        rebuilt = WorkflowExecutor.rebuild(definition, self.journal, strict=strict)
        _open.append(rebuilt)
        return rebuilt

    def commands(self, kind: type[HistoryEvent]) -> list[Any]:
        return [entry for entry in self.journal if type(entry) is kind]

    @property
    def result(self) -> str:
        """The result as JSON; fails with what the workflow failed with."""
        outcome = self.executor.outcome
        if isinstance(outcome, Failed):
            raise AssertionError(f"{outcome.failure.type}: {outcome.failure.message}")
        assert isinstance(outcome, Completed), outcome
        return outcome.result

    @property
    def failure(self) -> Failure:
        outcome = self.executor.outcome
        assert isinstance(outcome, Failed), outcome
        return outcome.failure

    @property
    def next_run(self) -> ContinuedAsNew:
        outcome = self.executor.outcome
        assert isinstance(outcome, ContinuedAsNew), outcome
        return outcome
