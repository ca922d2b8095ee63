"""Marking runs: an agent middleware that gives each run in a workflow its scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent_framework import AgentContext, AgentMiddleware

from perdure_agent_framework.mcp_servers.servers import check_servers
from perdure_agent_framework.scope import SCOPE_KEYWORD, open_scope
from perdure_agent_framework.takeover import Seam

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from perdure_agent_framework.catalogue import Catalogue


class DurableRuns(AgentMiddleware):
    """Opens a scope for each run of its agent in a workflow; elsewhere it only passes on.

    The scope goes through the framework as a client keyword, not in a context variable: a run that
    streams is consumed in a context of the consumer's.
    """

    def __init__(self) -> None:
        self.seam = Seam()

    async def process(
        self, context: AgentContext, call_next: Callable[[], Awaitable[None]]
    ) -> None:
        """Open the scope of the run, if it is in a workflow.

        Raises:
            NotDurableError: It has an MCP server that workers do not know.
        """
        here = self.seam.here()
        if here is not None:
            catalogue, name = here
            check_servers([*_in_sequence(context.tools), *getattr(context.agent, "mcp_tools", ())])
            session = context.session
            scope = open_scope(
                catalogue, name, session_id=None if session is None else session.session_id
            )
            context.client_kwargs = {**(context.client_kwargs or {}), SCOPE_KEYWORD: scope}
        await call_next()


def mark_runs(agent: Any, catalogue: Catalogue) -> None:
    """Let ``agent``'s runs in workflows of the catalogue's app have scopes."""
    middleware = list(agent.middleware or [])
    own = next((it for it in middleware if isinstance(it, DurableRuns)), None)
    if own is None:
        own = DurableRuns()
        agent.middleware = [own, *middleware]
    own.seam.keys[catalogue] = agent.name


def _in_sequence(tools: Any) -> list[Any]:
    if tools is None:
        return []
    return list(tools) if isinstance(tools, list | tuple) else [tools]
