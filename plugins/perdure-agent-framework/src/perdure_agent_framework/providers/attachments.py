"""What is attached to agents, taken over with them: context providers and MCP servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from agent_framework import HistoryProvider, InMemoryHistoryProvider

from perdure_agent_framework.mcp_servers.servers import mcp_methods
from perdure_agent_framework.providers.places import computes_only
from perdure_agent_framework.providers.taking import provider_methods
from perdure_agent_framework.takeover import take_over

if TYPE_CHECKING:
    from agent_framework import ContextProvider
    from agent_framework._mcp import MCPTool

    from perdure_agent_framework.catalogue import Catalogue

T = TypeVar("T")


def add_default_history(agent: Any) -> None:
    """Give an agent the history that the framework gives it in its first run with a session.

    From then on its runs without a session go another way too. In workflows they must go the same
    way in every process, whatever has run there before.
    """
    options = agent.default_options
    stores = options.get("store")
    if stores is None:
        stores = getattr(agent.client, "STORES_BY_DEFAULT", False)
    has_history = any(
        provider.load_messages
        for provider in agent.context_providers
        if isinstance(provider, HistoryProvider)
    )
    if not (stores or has_history or options.get("conversation_id")):
        agent.context_providers.append(InMemoryHistoryProvider())


def add_provider(catalogue: Catalogue, provider: ContextProvider, agent: str) -> None:
    """Let a context provider be found, and take it over, unless it may run in workflows."""
    if provider in catalogue.providers.values() or computes_only(provider):
        return
    key = _unused(f"{agent}/{provider.source_id}", catalogue.providers)
    catalogue.providers[take_over(provider, provider_methods, catalogue, key)] = provider


def add_server(catalogue: Catalogue, server: MCPTool, agent: str | None) -> None:
    """Let an MCP server be found, and take its object over.

    Args:
        catalogue: The agents of the app.
        server: The server.
        agent: Whose tool it is; ``None`` if it is one of single runs.
    """
    if server in catalogue.mcp_servers.values():
        return
    name = server.name if agent is None else f"{agent}/{server.name}"
    key = _unused(name, catalogue.mcp_servers)
    catalogue.mcp_servers[take_over(server, mcp_methods, catalogue, key)] = server


def _unused(name: str, known: dict[str, T]) -> str:
    """Return ``name``, numbered if another object has it, in the order of registration."""
    key, number = name, 1
    while key in known:
        number += 1
        key = f"{name}#{number}"
    return key
