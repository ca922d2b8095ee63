"""Registering agents with an app: finding all that they consist of, and taking it over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent_framework import BaseChatClient, FunctionTool

from perdure_agent_framework import activities
from perdure_agent_framework.catalogue import Catalogue, catalogue_of, new_catalogue
from perdure_agent_framework.clients import client_methods
from perdure_agent_framework.errors import DuplicateAgentError
from perdure_agent_framework.runs import mark_runs
from perdure_agent_framework.takeover import take_over
from perdure_agent_framework.tool_keys import agent_in, is_agent, set_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent_framework import Agent

    from perdure import Registry
    from perdure_agent_framework.policies import Policies


def register(app: Registry, *agents: Agent, policies: Policies | None = None) -> None:
    """Make agents durable in the workflows of ``app``; elsewhere they stay as they are.

    Agents that are tools of these (``as_tool``) are registered with them.

    Args:
        app: The app, or a registry that an app includes.
        *agents: Each needs a name.
        policies: What is declared of them; replaces what was declared before.

    Raises:
        DuplicateAgentError: The app has another agent of that name.
        TypeError: One is no agent with a chat client.
        ValueError: An agent has no name.
    """
    catalogue = catalogue_of(app)
    if catalogue is None:
        catalogue = new_catalogue(app)
        activities.add_to(app, catalogue)
    if policies is not None:
        catalogue.policies = policies
    for agent in agents:
        _add_agent(catalogue, agent)


def _add_agent(catalogue: Catalogue, agent: Any) -> None:
    name = _name_of(agent)
    known = catalogue.agents.get(name)
    if known is agent:
        return
    if known is not None:
        raise DuplicateAgentError(name=name)
    catalogue.agents[name] = agent
    mark_runs(agent, catalogue)
    add_model(catalogue, agent.client, name)
    strategy = getattr(agent, "compaction_strategy", None)
    for number, client in enumerate(_clients_in(strategy)):
        add_model(catalogue, client, f"{name}/compaction-{number}")
    for tool in agent.default_options.get("tools") or ():
        if isinstance(tool, FunctionTool):
            _add_tool(catalogue, tool, name)


def add_model(catalogue: Catalogue, client: Any, key: str) -> None:
    """Let the chat client ``client`` be found under ``key``, and take it over.

    Raises:
        TypeError: It is no chat client of the framework.
    """
    if not isinstance(client, BaseChatClient):
        raise TypeError(
            f"model {key!r}: a chat client that derives from agent_framework.BaseChatClient can "
            f"be made durable, {type(client).__qualname__} does not"
        )
    catalogue.models[key] = client
    take_over(client, client_methods, catalogue, key)


def _add_tool(catalogue: Catalogue, tool: FunctionTool, agent: str) -> None:
    if is_agent(tool):
        inner = agent_in(tool)
        if hasattr(inner, "client"):
            _add_agent(catalogue, inner)
        return
    if tool.declaration_only:
        return
    key = f"{agent}/{tool.name}"
    catalogue.tools[key] = tool
    set_key(tool, catalogue, key)


def _name_of(agent: Any) -> str:
    if not hasattr(agent, "client") or not hasattr(agent, "default_options"):
        raise TypeError(f"an agent_framework.Agent is wanted, not {type(agent).__qualname__}")
    if not agent.name:
        raise ValueError("an agent needs a name to be durable: Agent(client, name=…)")
    name: str = agent.name
    return name


def _clients_in(strategy: Any, depth: int = 4) -> Iterable[BaseChatClient[Any]]:
    """Yield the chat clients that a compaction strategy, or one inside it, calls."""
    if strategy is None or depth == 0 or isinstance(strategy, str | bytes):
        return
    if isinstance(strategy, BaseChatClient):
        yield strategy
        return
    parts = (
        strategy
        if isinstance(strategy, list | tuple)
        else getattr(strategy, "__dict__", {}).values()
    )
    for part in parts:
        yield from _clients_in(part, depth - 1)
