"""Context providers in workflows: what they do before and after a run is done in activities.

Of a history provider that leaves ``before_run`` and ``after_run`` as they are, only
``get_messages`` and ``save_messages`` are activities: what is between them and the run computes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent_framework import HistoryProvider

from perdure.framework import call_activity
from perdure_agent_framework.conversion import message_from_json, message_to_json
from perdure_agent_framework.errors import NotDurableError
from perdure_agent_framework.providers.contexts import (
    asked_to_json,
    context_to_json,
    take_additions,
)
from perdure_agent_framework.providers.places import (
    check_possible,
    does_nothing,
    only_loads_and_saves,
    runs_inline,
)
from perdure_agent_framework.providers.remote_tools import remote_tool
from perdure_agent_framework.providers.session_copies import (
    session_to_json,
    state_to_json,
    take_changes,
)
from perdure_agent_framework.takeover import here_of
from perdure_agent_framework.tools.places import OnWorker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent_framework import AgentSession, ContextProvider, FunctionTool, Message, SessionContext

    from perdure_agent_framework.catalogue import Catalogue
    from perdure_agent_framework.tools.places import Call

Json = dict[str, Any]

PROVIDER_ACTIVITY = "agent.provider"
PROVIDER_TOOL = "provider:"
"""How keys of tools begin that come from a provider: ``provider:agent/source_id/tool``."""


def provider_methods(base: Any) -> dict[str, Any]:
    """Return what a provider of class ``base`` does in place of its own. See ``take_over``."""
    methods = {
        phase: _phase(base, phase)
        for phase in ("before_run", "after_run")
        if not does_nothing(base, phase) and not only_loads_and_saves(base, phase)
    }
    return {**methods, **_storage(base)} if issubclass(base, HistoryProvider) else methods


def _phase(base: Any, phase: str) -> Any:
    async def run(
        self: Any,
        *,
        agent: Any,
        session: AgentSession,
        context: SessionContext,
        state: dict[str, Any],
    ) -> None:
        here = _here(self)
        if here is None:
            await getattr(base, phase)(
                self, agent=agent, session=session, context=context, state=state
            )
            return
        check_possible(self, base=base)
        await _Phase(provider=self, key=here[1], catalogue=here[0]).run(
            phase, agent, session, context
        )

    run.__name__ = phase
    return run


def _storage(base: Any) -> dict[str, Any]:
    async def get_messages(
        self: Any, session_id: str | None, *, state: dict[str, Any] | None = None, **kwargs: Any
    ) -> list[Message]:
        here = _here(self)
        if here is None:
            found: list[Message] = await base.get_messages(self, session_id, state=state, **kwargs)
            return found
        outcome = await _stored(
            self, here, "get_messages", session_id=session_id, state=state, keywords=kwargs
        )
        return [message_from_json(message) for message in outcome["messages"]]

    async def save_messages(
        self: Any,
        session_id: str | None,
        messages: Sequence[Message],
        *,
        state: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        here = _here(self)
        if here is None:
            await base.save_messages(self, session_id, messages, state=state, **kwargs)
            return
        await _stored(
            self,
            here,
            "save_messages",
            messages,
            session_id=session_id,
            state=state,
            keywords=kwargs,
        )

    return {"get_messages": get_messages, "save_messages": save_messages}


@dataclass(frozen=True, kw_only=True)
class _Phase:
    """One provider of a run."""

    provider: ContextProvider
    key: str
    catalogue: Catalogue

    async def run(
        self, phase: str, agent: Any, session: AgentSession, context: SessionContext
    ) -> None:
        user = f"context provider {self.provider.source_id!r}"

        def request() -> Json:
            return {
                "provider": self.key,
                "do": phase,
                "agent": agent.name,
                "session": session_to_json(session, without=self._hidden(), user=user),
                "context": context_to_json(context),
            }

        outcome = await _activity(self.catalogue, request)
        take_changes(session.state, outcome["state"])
        take_additions(context, outcome["added"], tool=self._tools_of(agent.name, context))

    def _hidden(self) -> frozenset[str]:
        """Return where other providers keep messages; those of this run are in the context."""
        return frozenset(
            other.source_id
            for agent in self.catalogue.agents.values()
            for other in agent.context_providers
            if isinstance(other, HistoryProvider) and other.source_id != self.provider.source_id
        )

    def _tools_of(
        self, agent: str | None, context: SessionContext
    ) -> Callable[[Json], FunctionTool]:
        def asked() -> Json:
            return {"agent": agent, **asked_to_json(context)}

        def tool(declaration: Json) -> FunctionTool:
            key = f"{PROVIDER_TOOL}{self.key}/{declaration['name']}"
            place = _OfProvider(key=key, asked=asked)
            # The tool may hold on to the session, though it takes no context.
            return remote_tool(declaration, place, needs_context=True)

        return tool


@dataclass(frozen=True, kw_only=True)
class _OfProvider(OnWorker):
    """The worker runs the provider again to get hold of the function.

    Attributes:
        asked: Gives what the run was asked.
    """

    asked: Callable[[], Json]

    def _request(self, call: Call) -> Json:
        return {**OnWorker._request(self, call), "asked": self.asked()}


async def _stored(
    provider: HistoryProvider,
    here: tuple[Catalogue, str],
    what: str,
    messages: Sequence[Message] = (),
    *,
    session_id: str | None,
    state: dict[str, Any] | None,
    keywords: Json,
) -> Json:
    catalogue, key = here
    user = f"history provider {provider.source_id!r}"

    def request() -> Json:
        return {
            "provider": key,
            "do": what,
            "session_id": session_id,
            "messages": [message_to_json(message) for message in messages],
            "state": None if state is None else state_to_json(state, user=user),
            "keywords": state_to_json(keywords, user=user),
        }

    outcome = await _activity(catalogue, request)
    if state is not None:
        take_changes(state, outcome["state"])
    return outcome


async def _activity(catalogue: Catalogue, request: Callable[[], Json]) -> Json:
    policy = catalogue.policies.provider
    outcome: Json = await call_activity(
        PROVIDER_ACTIVITY,
        lambda: {"request": request()},
        retry=policy.retry,
        timeout=policy.timeout,
    )
    if "refused" in outcome:
        raise NotDurableError(**outcome["refused"])
    return outcome


def _here(provider: Any) -> tuple[Catalogue, str] | None:
    here = here_of(provider)
    if here is None or runs_inline(provider, here[0].policies):
        return None
    return here
