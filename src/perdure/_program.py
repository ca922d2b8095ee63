"""The program that a worker runs: what a registry holds, behind the face that backends see."""

from __future__ import annotations

import inspect
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from perdure import _built_in
from perdure._definition import Definition
from perdure._payload_checks import checking
from perdure._replay.executor import WorkflowExecutor
from perdure._runner.activities import ActivityCode, ActivityRunner
from perdure.clock import SystemClock
from perdure.payloads.envelope import is_marked
from perdure.payloads.executor import PayloadExecutor
from perdure.payloads.pipeline import PayloadPipeline
from perdure.payloads.reading import Reading
from perdure.payloads.tasks import opened_task, stored_outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from perdure.activity import Activity
    from perdure.clock import Clock
    from perdure.registry import Registry
    from perdure.spi.backend import Backend
    from perdure.spi.history import HistoryEvent
    from perdure.spi.program import ActivityOutcome, ActivityTask, Executor, RebuildGate
    from perdure.workflow import Workflow

_NO_OVERRIDES: Mapping[Activity[..., Any] | str, Callable[..., Any]] = MappingProxyType({})


class RegistryProgram:
    """A registry's workflows and activities; see :class:`perdure.spi.program.Program`.

    Attributes:
        payloads: How payloads are stored. To be set before anything runs.
        backend: What built-in activities work on. Likewise.
    """

    executor_type: ClassVar[type[WorkflowExecutor]] = WorkflowExecutor
    backend: Backend | None = None

    def __init__(
        self,
        registry: Registry,
        *,
        overrides: Mapping[Activity[..., Any] | str, Callable[..., Any]] = _NO_OVERRIDES,
        clock: Clock | None = None,
        runner: ActivityRunner | None = None,
        payloads: PayloadPipeline | None = None,
    ) -> None:
        """Make the program. What is registered later belongs to it too.

        Args:
            registry: What can be run.
            overrides: Functions to run instead of activities, in tests. They get the arguments by
                position as far as possible, so that the names of their parameters do not matter;
                what they return is converted as the activity's result.
            clock: What tells activities the time.
            runner: What runs activities, with its limits; one of its own by default.
            payloads: How payloads are stored; as they are by default.

        Raises:
            ActivityNotRegisteredError: An override is for an activity that is not in the registry.
            Exception: A check of the registry that comes before work raised it.
            TypeError: An override cannot be called.
        """
        registry.check()
        self.payloads = payloads or PayloadPipeline()
        self._registry = registry
        self._codes: dict[str, ActivityCode] = {}
        self._runner = runner or ActivityRunner(now_us=(clock or SystemClock()).now_us)
        for key, replacement in overrides.items():
            activity = registry.find_activity(key if isinstance(key, str) else key.name)
            self._codes[activity.name] = _code(activity, _function(activity.name, replacement))

    @property
    def workflows(self) -> frozenset[str]:
        """The names of the workflows this worker can run, the built-in ones among them."""
        return frozenset(self._registry.workflows) | _built_in.WORKFLOWS

    @property
    def activities(self) -> frozenset[str]:
        """The names of the activities this worker can run, the built-in ones among them."""
        return frozenset(self._registry.activities) | _built_in.ACTIVITIES

    def patches(self, workflow: str) -> tuple[str, ...]:
        """Return the patches that the code of a workflow declares.

        Raises:
            WorkflowNotRegisteredError: No workflow of that name is registered here.
        """
        return self._find_workflow(workflow).patches

    def executor(self, workflow: str) -> PayloadExecutor:
        """Return a fresh executor of a workflow.

        Raises:
            WorkflowNotRegisteredError: No workflow of that name is registered here.
        """
        definition = self._find_workflow(workflow).definition()
        kind, definition = checking(self.executor_type, definition, self.payloads)
        executor = kind(definition)
        return PayloadExecutor(executor, self.payloads, reading=Reading(self.payloads))

    def rebuild(
        self, workflow: str, journal: Iterable[HistoryEvent], *, strict: bool = False
    ) -> PayloadExecutor:
        """Return an executor that has gone through ``journal``.

        Raises:
            PayloadError: A payload cannot be read.
            PayloadStoreError: The payload store cannot be reached.
            WorkflowNotRegisteredError: No workflow of that name is registered here.
            NonDeterminismError: The code does not issue the commands that the journal holds.
        """
        return self._rebuild(workflow, list(journal), Reading(self.payloads), strict=strict)

    @property
    def rebuild_gate(self) -> RebuildGate:
        """What rebuilds without blocking."""
        return _RebuildGate(self.payloads, self._rebuild)

    def _rebuild(
        self, workflow: str, journal: list[HistoryEvent], reading: Reading, *, strict: bool = False
    ) -> PayloadExecutor:
        definition = self._find_workflow(workflow).definition()
        kind, definition = checking(self.executor_type, definition, self.payloads)
        plain = reading.journal(journal, strict=strict)
        rebuilt = kind.rebuild(definition, plain, strict=strict)
        executor = PayloadExecutor(rebuilt, self.payloads, reading=reading)
        executor.resume(journal)
        return executor

    async def run_activity(self, task: ActivityTask) -> ActivityOutcome:
        """Run one attempt of an activity to its end.

        Raises:
            ActivityNotRegisteredError: No activity of that name is registered here.
            PayloadError: Its arguments cannot be read.
            PayloadStoreError: The payload store cannot be reached.
        """
        code = self._codes.get(task.scheduled.name) or self._find_code(task.scheduled.name)
        payloads = self.payloads
        if payloads.is_simple and not (task.headers or is_marked(task.scheduled.arguments)):
            outcome = await self._runner.run(code, task)
            if outcome.result is None or not is_marked(outcome.result):
                return outcome
        else:
            outcome = await self._runner.run(code, await opened_task(payloads, task))
        return await stored_outcome(payloads, task, outcome)

    def close(self) -> None:
        """Give up the activities that run in threads. Returns at once; may be called twice."""
        self._runner.close()

    def _find_workflow(self, name: str) -> Workflow[..., Any]:
        return _built_in.find_workflow(name) or self._registry.find_workflow(name)

    def _find_code(self, name: str) -> ActivityCode:
        code = _built_in.activity_code(name, backend=self.backend)
        if code is None:
            activity = self._registry.find_activity(name)
            code = _code(activity, activity.code.function)
        self._codes[name] = code
        return code


class _RebuildGate:
    """See :class:`perdure.spi.program.RebuildGate`."""

    def __init__(
        self,
        pipeline: PayloadPipeline,
        rebuild: Callable[[str, list[HistoryEvent], Reading], Executor],
    ) -> None:
        self._reading = Reading(pipeline)
        self._rebuild = rebuild

    def must_fetch(self, journal: Iterable[HistoryEvent]) -> bool:
        """Return whether rebuilding would block."""
        return bool(self._reading.missing(journal))

    async def rebuild(self, workflow: str, journal: Iterable[HistoryEvent]) -> Executor:
        """Fetch what is needed, then rebuild."""
        journal = list(journal)
        # The journal is a run's own: nothing in it is to be copied from another root again.
        await self._reading.fetch(self._reading.missing(journal), root="")
        return self._rebuild(workflow, journal, self._reading)


def _code(activity: Activity[..., Any], function: Callable[..., Any]) -> ActivityCode:
    return ActivityCode(
        function=function,
        is_async=_is_async(function),
        parameters=activity.code.parameters,
        result=activity.code.result,
    )


def _is_async(function: Callable[..., Any]) -> bool:
    # The second is for objects that can be called, such as mocks.
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        type(function).__call__
    )


def _function(name: str, replacement: object) -> Callable[..., Any]:
    if isinstance(replacement, Definition):
        replacement = replacement.code.function
    if not callable(replacement):
        kind = type(replacement).__name__
        raise TypeError(f"the override of activity {name!r} is of type {kind}; give a function")
    return replacement
