"""Run scopes: what one durable run of an agent, and the runs inside it, know and share."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perdure_agent_framework.spending import Spending

if TYPE_CHECKING:
    from perdure_agent_framework.catalogue import Catalogue

SCOPE_KEYWORD = "perdure_run_scope"
"""The name under which a scope goes through the framework's layers, as a client keyword."""


@dataclass(frozen=True, kw_only=True)
class RunScope:
    """One run of an agent in a workflow.

    Attributes:
        catalogue: The agents of the app that runs the workflow, and what is declared of them.
        agent: The name of the agent that runs.
        path: The names of the agents that called each other down to this one, itself included.
        spending: What the outermost run and all runs inside it have used.
        tool_slots: Limits how many tool calls of the outermost run are made at once.
        session_id: The conversation, if there is one.
        stream_id: Where live pieces of the answers go, if anybody may listen.
    """

    catalogue: Catalogue
    agent: str | None
    path: tuple[str, ...]
    spending: Spending
    tool_slots: asyncio.Semaphore
    session_id: str | None = None
    stream_id: str | None = None

    def inner(self, agent: str | None, *, session_id: str | None) -> RunScope:
        """Return the scope of a run inside this one."""
        return RunScope(
            catalogue=self.catalogue,
            agent=agent,
            path=(*self.path, *([agent] if agent else [])),
            spending=self.spending,
            tool_slots=self.tool_slots,
            # An agent that is a tool has a session of its own, which nobody knows by its id.
            session_id=self.session_id or session_id,
            stream_id=self.stream_id,
        )


turn_stream: ContextVar[str | None] = ContextVar("perdure_turn_stream", default=None)
"""Where live pieces of the answers of runs that begin here go; set by a turn."""

calling_scope: ContextVar[RunScope | None] = ContextVar("perdure_calling_scope", default=None)
"""The run whose tool call the code that asks is part of; set around agents that are tools."""


def outermost(
    catalogue: Catalogue, agent: str | None, *, session_id: str | None = None
) -> RunScope:
    """Return the scope of a run that is in no other."""
    return RunScope(
        catalogue=catalogue,
        agent=agent,
        path=(agent,) if agent else (),
        spending=Spending(catalogue.policies.budget),
        tool_slots=asyncio.Semaphore(catalogue.policies.max_parallel_tools),
        session_id=session_id,
        stream_id=turn_stream.get(),
    )


def open_scope(
    catalogue: Catalogue, agent: str | None, *, session_id: str | None = None
) -> RunScope:
    """Return the scope of a run that begins here."""
    outer = calling_scope.get()
    if outer is None:
        return outermost(catalogue, agent, session_id=session_id)
    return outer.inner(agent, session_id=session_id)
