"""The program that a worker runs: what a registry holds, behind the face that backends see."""

from __future__ import annotations

import inspect
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from perdure._definition import Definition
from perdure._replay.executor import WorkflowExecutor
from perdure._runner.activities import ActivityCode, ActivityRunner
from perdure.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from perdure.activity import Activity
    from perdure.clock import Clock
    from perdure.registry import Registry
    from perdure.spi.history import HistoryEvent
    from perdure.spi.program import ActivityOutcome, ActivityTask

_NO_OVERRIDES: Mapping[Activity[..., Any] | str, Callable[..., Any]] = MappingProxyType({})


class RegistryProgram:
    """A registry's workflows and activities; see :class:`perdure.spi.program.Program`."""

    def __init__(
        self,
        registry: Registry,
        *,
        overrides: Mapping[Activity[..., Any] | str, Callable[..., Any]] = _NO_OVERRIDES,
        clock: Clock | None = None,
        runner: ActivityRunner | None = None,
    ) -> None:
        """Make the program. What is registered later belongs to it too.

        Args:
            registry: What can be run.
            overrides: Functions to run instead of activities, in tests. They get the arguments by
                position as far as possible, so that the names of their parameters do not matter;
                what they return is converted as the activity's result.
            clock: What tells activities the time.
            runner: What runs activities, with its limits; one of its own by default.

        Raises:
            ActivityNotRegisteredError: An override is for an activity that is not in the registry.
            TypeError: An override cannot be called.
        """
        self._registry = registry
        self._codes: dict[str, ActivityCode] = {}
        self._runner = runner or ActivityRunner(now_us=(clock or SystemClock()).now_us)
        for key, replacement in overrides.items():
            activity = registry.find_activity(key if isinstance(key, str) else key.name)
            self._codes[activity.name] = _code(activity, _function(activity.name, replacement))

    @property
    def workflows(self) -> frozenset[str]:
        """The names of the workflows this worker can run."""
        return frozenset(self._registry.workflows)

    @property
    def activities(self) -> frozenset[str]:
        """The names of the activities this worker can run."""
        return frozenset(self._registry.activities)

    def patches(self, workflow: str) -> tuple[str, ...]:
        """Return the patches that the code of a workflow declares.

        Raises:
            WorkflowNotRegisteredError: No workflow of that name is registered here.
        """
        return self._registry.find_workflow(workflow).patches

    def executor(self, workflow: str) -> WorkflowExecutor:
        """Return a fresh executor of a workflow.

        Raises:
            WorkflowNotRegisteredError: No workflow of that name is registered here.
        """
        return WorkflowExecutor(self._registry.find_workflow(workflow).definition())

    def rebuild(
        self, workflow: str, journal: Iterable[HistoryEvent], *, strict: bool = False
    ) -> WorkflowExecutor:
        """Return an executor that has gone through ``journal``.

        Raises:
            WorkflowNotRegisteredError: No workflow of that name is registered here.
            NonDeterminismError: The code does not issue the commands that the journal holds.
        """
        definition = self._registry.find_workflow(workflow).definition()
        return WorkflowExecutor.rebuild(definition, journal, strict=strict)

    async def run_activity(self, task: ActivityTask) -> ActivityOutcome:
        """Run one attempt of an activity to its end.

        Raises:
            ActivityNotRegisteredError: No activity of that name is registered here.
        """
        code = self._codes.get(task.scheduled.name) or self._find_code(task.scheduled.name)
        return await self._runner.run(code, task)

    def close(self) -> None:
        """Give up the activities that run in threads. Returns at once; may be called twice."""
        self._runner.close()

    def _find_code(self, name: str) -> ActivityCode:
        activity = self._registry.find_activity(name)
        code = self._codes[name] = _code(activity, activity.code.function)
        return code


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
