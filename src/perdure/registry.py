"""Registries: activities and workflows by name, and the decorators that put them there."""

from __future__ import annotations

import weakref
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from perdure._functions import place
from perdure.activity import ActivityOptions, make_activity
from perdure.errors import (
    ActivityNotRegisteredError,
    DuplicateNameError,
    WorkflowNotRegisteredError,
)
from perdure.names import check_patch_names
from perdure.types import RetryPolicy
from perdure.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping
    from datetime import timedelta

    from perdure._definition import Definition, P
    from perdure.activity import Activity, AsyncActivity, SyncActivity
    from perdure.types import Delivery

R = TypeVar("R")


class ActivityDecorator(Protocol):
    """What ``@registry.activity(…)`` gives; it keeps the types of the function."""

    @overload
    def __call__(  # type: ignore[overload-overlap]  # see Registry.activity
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> AsyncActivity[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> SyncActivity[P, R]: ...


class WorkflowDecorator(Protocol):
    """What ``@registry.workflow(…)`` gives; it keeps the types of the function."""

    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> Workflow[P, R]:
        """Make a workflow of ``function``."""


class Registry:
    """Activities and workflows by name. An app is one; a library offers its own, to be included."""

    def __init__(self) -> None:
        self._activities: dict[str, Activity[..., Any]] = {}
        self._workflows: dict[str, Workflow[..., Any]] = {}
        self._includers: weakref.WeakSet[Registry] = weakref.WeakSet()
        self._checks: list[Callable[[], None]] = []

    @property
    def activities(self) -> Mapping[str, Activity[..., Any]]:
        """The activities by name; a live view."""
        return MappingProxyType(self._activities)

    @property
    def workflows(self) -> Mapping[str, Workflow[..., Any]]:
        """The workflows by name; a live view."""
        return MappingProxyType(self._workflows)

    def find_activity(self, name: str) -> Activity[..., Any]:
        """Return the activity of that name.

        Raises:
            ActivityNotRegisteredError: There is none.
        """
        if name not in self._activities:
            raise ActivityNotRegisteredError(name=name, known=self._activities)
        return self._activities[name]

    def find_workflow(self, name: str) -> Workflow[..., Any]:
        """Return the workflow of that name.

        Raises:
            WorkflowNotRegisteredError: There is none.
        """
        if name not in self._workflows:
            raise WorkflowNotRegisteredError(name=name, known=self._workflows)
        return self._workflows[name]

    # The two overlap, as an async def is a function that returns a coroutine; the first one wins.
    @overload
    def activity(  # type: ignore[overload-overlap]
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> AsyncActivity[P, R]: ...
    @overload
    def activity(self, function: Callable[P, R], /) -> SyncActivity[P, R]: ...
    @overload
    def activity(
        self,
        /,
        *,
        name: str | None = None,
        retry: RetryPolicy | None = None,
        timeout: timedelta | None = None,
        delivery: Delivery = "at_least_once",
    ) -> ActivityDecorator: ...
    def activity(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        name: str | None = None,
        retry: RetryPolicy | None = None,
        timeout: timedelta | None = None,
        delivery: Delivery = "at_least_once",
    ) -> Any:
        """Make an activity of a function: ``@activity`` or ``@activity(…)``.

        Args:
            function: A ``def`` or ``async def``; given by the form without parentheses.
            name: What to register it as; the function's own name by default.
            retry: When a failed attempt is followed by another; by default never.
            timeout: How long each attempt may run.
            delivery: Whether it may run again when a worker dies during an attempt.

        Raises:
            DuplicateNameError: Another function has that name.
            InvalidNameError: Not every backend can take the name.
            TypeError: The function cannot be an activity, or an option is of the wrong type.
            ValueError: An option has a value that cannot be.
        """
        policy = RetryPolicy.none() if retry is None else retry
        options = ActivityOptions(retry=policy, timeout=timeout, delivery=delivery)

        def register(function: Callable[..., Any]) -> Activity[..., Any]:
            made = make_activity(function, name=name, options=options)
            self._add(activities=[made])
            return made

        return register if function is None else register(function)

    @overload
    def workflow(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> Workflow[P, R]: ...
    @overload
    def workflow(
        self, /, *, name: str | None = None, patches: Iterable[str] = ()
    ) -> WorkflowDecorator: ...
    def workflow(
        self,
        function: Callable[..., Coroutine[Any, Any, Any]] | None = None,
        /,
        *,
        name: str | None = None,
        patches: Iterable[str] = (),
    ) -> Any:
        """Make a workflow of an ``async def`` function: ``@workflow`` or ``@workflow(…)``.

        Args:
            function: The function; given by the form without parentheses.
            name: What to register it as; the function's own name by default.
            patches: What its code may ask ``perdure.patched`` for.

        Raises:
            DuplicateNameError: Another function has that name.
            InvalidNameError: Not every backend can take the name, or that of a patch.
            TypeError: The function cannot be a workflow, or an option is of the wrong type.
        """
        patch_names = check_patch_names(patches)

        def register(function: Callable[..., Coroutine[Any, Any, Any]]) -> Workflow[..., Any]:
            made = Workflow(function, name=name, patches=patch_names)
            self._add(workflows=[made])
            return made

        return register if function is None else register(function)

    def include(self, registry: Registry) -> None:
        """Take in what ``registry`` holds, and what is registered there later.

        Raises:
            DuplicateNameError: Both have a name for different functions; nothing is taken in.
            TypeError: It is no registry.
        """
        if not isinstance(registry, Registry):
            raise TypeError(f"a perdure.Registry is wanted, not {type(registry).__name__}")
        self._add(
            activities=registry.activities.values(),
            workflows=registry.workflows.values(),
            checks=registry._checks,
        )
        registry._includers.add(self)

    def serves(self, workflow: Workflow[..., Any]) -> bool:
        """Return whether ``workflow`` may call what is here: it is here, or where this is included.

        For plugins, whose objects may be known to several registries.
        """
        return any(
            registry._workflows.get(workflow.name) is workflow
            for registry in self._with_includers()
        )

    def before_work(self, check: Callable[[], None]) -> None:
        """Call ``check`` when a worker of what is here is about to start; it starts if it returns.

        For plugins, to check what is complete only then.
        """
        self._add(checks=[check])

    def check(self) -> None:
        """Call the checks that come before work.

        Raises:
            Exception: One raised it.
        """
        for check in self._checks:
            check()

    def _add(
        self,
        *,
        activities: Iterable[Activity[..., Any]] = (),
        workflows: Iterable[Workflow[..., Any]] = (),
        checks: Iterable[Callable[[], None]] = (),
    ) -> None:
        """Register in this registry and those that include it: in all of them, or in none."""
        activities, workflows, checks = list(activities), list(workflows), list(checks)
        registries = self._with_includers()
        for registry in registries:
            _refuse_duplicates(registry._activities, activities)
            _refuse_duplicates(registry._workflows, workflows)
        for registry in registries:
            registry._activities.update((made.name, made) for made in activities)
            registry._workflows.update((made.name, made) for made in workflows)
            registry._checks += [check for check in checks if check not in registry._checks]

    def _with_includers(self) -> list[Registry]:
        found: list[Registry] = []
        pending = [self]
        while pending:
            registry = pending.pop()
            if registry not in found:  # registries may include one another
                found.append(registry)
                pending.extend(registry._includers)
        return found


def _refuse_duplicates(
    known: Mapping[str, Definition[..., Any]], added: Iterable[Definition[..., Any]]
) -> None:
    for made in added:
        other = known.get(made.name)
        if other is not None and other.code.function != made.code.function:
            raise DuplicateNameError(
                kind=made.kind,
                name=made.name,
                first=place(other.code.function),
                second=place(made.code.function),
            )
