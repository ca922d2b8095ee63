"""Where context providers run: in the workflow, in activities, or not at all.

In the workflow run those of the framework that compute only and keep all they know in the session's
state; all others, everybody's own among them, run in activities, unless a policy names them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent_framework import (
    AgentModeProvider,
    BackgroundAgentsProvider,
    CachingSkillsSource,
    CompactionProvider,
    ContextProvider,
    DeduplicatingSkillsSource,
    HistoryProvider,
    InlineSkill,
    InMemoryHistoryProvider,
    InMemorySkillsSource,
    SkillsProvider,
    TodoProvider,
    TodoSessionStore,
)

from perdure_agent_framework.errors import NotDurableError

if TYPE_CHECKING:
    from perdure_agent_framework.policies import Policies

_HANDOFF = ("agent_framework_orchestrations._handoff", "_AutoHandoffContextProvider")


def computes_only(provider: ContextProvider) -> bool:
    """Return whether a provider is one of the framework's that may run in workflows.

    A subclass of such a class is not: nobody knows what it does.
    """
    kind = type(provider)
    if isinstance(provider, TodoProvider):
        return kind is TodoProvider and type(provider.store) is TodoSessionStore
    if isinstance(provider, SkillsProvider):
        return kind is SkillsProvider and _is_text_only(provider._source)
    if (kind.__module__, kind.__qualname__) == _HANDOFF:
        return True
    return kind in (AgentModeProvider, CompactionProvider, ContextProvider, InMemoryHistoryProvider)


def runs_inline(provider: ContextProvider, policies: Policies) -> bool:
    """Return whether a provider that was taken over is to run in the workflow all the same."""
    return provider.source_id in policies.inline_providers


def check_possible(provider: ContextProvider, *, base: type) -> None:
    """Raise if a provider cannot run in an activity either.

    Raises:
        NotDurableError: It keeps in its process what the next call needs.
    """
    if issubclass(base, BackgroundAgentsProvider):
        raise NotDurableError(
            what=f"context provider {provider.source_id!r} ({base.__qualname__}), whose agents run "
            "in the memory of one process,",
            remedy="give the agents as tools, Agent(tools=[agent.as_tool()]), or let them run in "
            f"the workflow: Policies(inline_providers={{{provider.source_id!r}}})",
        )


def does_nothing(base: Any, phase: str) -> bool:
    """Return whether ``before_run`` or ``after_run`` of a class is the empty one."""
    return getattr(base, phase) is getattr(ContextProvider, phase)


def only_loads_and_saves(base: Any, phase: str) -> bool:
    """Return whether a phase is the framework's own, whose I/O is in two other methods."""
    return issubclass(base, HistoryProvider) and (
        getattr(base, phase) is getattr(HistoryProvider, phase)
    )


def _is_text_only(source: Any) -> bool:
    """Return whether a source of skills gives nothing but text that is in memory already."""
    while _passes_on(source):
        source = source.inner_source
    if type(source) is not InMemorySkillsSource:
        return False
    return all(
        type(skill) is InlineSkill and not skill._scripts and not skill._resources
        for skill in source._skills
    )


def _passes_on(source: Any) -> bool:
    if type(source) is CachingSkillsSource:
        return source._refresh_interval is None  # else it reads the clock
    return type(source) is DeduplicatingSkillsSource
