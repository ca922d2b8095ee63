"""Catalogues: the agents of an app, with the models and tools that activities find by key.

A key is an agent's name for a model (``"support"``) and ``"agent/tool"`` for a tool, so that every
process that registers the same agents has the same keys.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, TypeVar

from perdure_agent_framework.errors import AgentNotRegisteredError
from perdure_agent_framework.policies import Policies

if TYPE_CHECKING:
    from agent_framework import Agent, BaseChatClient, ContextProvider, FunctionTool
    from agent_framework._mcp import MCPTool

    from perdure import Registry, Workflow
    from perdure_agent_framework.sessions.conversations import Conversations

T = TypeVar("T")


class Catalogue:
    """What the activities of one app find by key.

    Attributes:
        policies: What is declared of the agents.
        agents: By name.
        models: Chat clients by key.
        tools: By ``"agent/tool"``.
        providers: Context providers that run as activities, by ``"agent/source_id"``.
        mcp_servers: By ``"agent/server"``.
        conversations: The workflows of the agents' conversations, if the app has a runner.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = weakref.ref(registry)
        self.policies = Policies()
        self.agents: dict[str, Agent] = {}
        self.models: dict[str, BaseChatClient] = {}
        self.tools: dict[str, FunctionTool] = {}
        self.providers: dict[str, ContextProvider] = {}
        self.mcp_servers: dict[str, MCPTool] = {}
        self.conversations: Conversations | None = None

    def serves(self, workflow: Workflow[..., Any]) -> bool:
        """Return whether ``workflow`` is one of the app's."""
        registry = self._registry()
        return registry is not None and registry.serves(workflow)

    def find_agent(self, name: str) -> Agent:
        """Return the agent of that name.

        Raises:
            AgentNotRegisteredError: There is none.
        """
        return _find("agent", self.agents, name)

    def find_model(self, key: str) -> BaseChatClient:
        """Return the chat client of that key.

        Raises:
            AgentNotRegisteredError: There is none.
        """
        return _find("model", self.models, key)

    def find_tool(self, key: str) -> FunctionTool:
        """Return the tool of that key.

        Raises:
            AgentNotRegisteredError: There is none.
        """
        return _find("tool", self.tools, key)

    def find_provider(self, key: str) -> ContextProvider:
        """Return the context provider of that key.

        Raises:
            AgentNotRegisteredError: There is none.
        """
        return _find("context provider", self.providers, key)

    def find_mcp_server(self, key: str) -> MCPTool:
        """Return the MCP server of that key.

        Raises:
            AgentNotRegisteredError: There is none.
        """
        return _find("MCP server", self.mcp_servers, key)


_catalogues: weakref.WeakKeyDictionary[Registry, Catalogue] = weakref.WeakKeyDictionary()


def catalogue_of(registry: Registry) -> Catalogue | None:
    """Return the catalogue of an app, or ``None`` if no agent was registered with it."""
    return _catalogues.get(registry)


def new_catalogue(registry: Registry) -> Catalogue:
    """Return a catalogue for an app that has none."""
    catalogue = _catalogues[registry] = Catalogue(registry)
    return catalogue


def _find(kind: str, known: dict[str, T], name: str) -> T:
    if name not in known:
        raise AgentNotRegisteredError(kind=kind, name=name, known=list(known))
    return known[name]
