"""Registering agents with an app: finding all that they consist of, and taking it over."""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any

from agent_framework import BaseChatClient, CompactionProvider, FunctionTool

from perdure_agent_framework import activities, determinism
from perdure_agent_framework.catalogue import Catalogue, catalogue_of, new_catalogue
from perdure_agent_framework.errors import DuplicateAgentError, PoliciesConflictError
from perdure_agent_framework.framework_version import check_framework
from perdure_agent_framework.models.clients import client_methods
from perdure_agent_framework.models.requests import fallback_keys
from perdure_agent_framework.policies import Policies
from perdure_agent_framework.policy_names import check_policy_names
from perdure_agent_framework.providers.attachments import (
    add_default_history,
    add_provider,
    add_server,
)
from perdure_agent_framework.runs import mark_runs
from perdure_agent_framework.takeover import take_over
from perdure_agent_framework.tools.keys import agent_in, is_agent, set_key
from perdure_agent_framework.unregistered import refuse_unregistered

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agent_framework import Agent
    from agent_framework._mcp import MCPTool

    from perdure import Registry


def register(
    app: Registry,
    *agents: Agent,
    policies: Policies | None = None,
    mcp_servers: Sequence[MCPTool] = (),
) -> None:
    """Make agents durable in the workflows of ``app``; elsewhere they stay as they are.

    Agents that are tools of these (``as_tool``) are registered with them.

    Args:
        app: The app, or a registry that an app includes.
        *agents: Each needs a name.
        policies: What is declared of all agents of the app; the same each time it is given.
        mcp_servers: Those that single runs are given, ``agent.run(…, tools=[server])``; an agent's
            own need not be named.

    Raises:
        DuplicateAgentError: The app has another agent of that name.
        FrameworkVersionError: The framework is of a version that is not tested.
        PoliciesConflictError: Other policies were given before.
        TypeError: One is no agent with a chat client.
        ValueError: An agent has no name.
    """
    catalogue = catalogue_of(app)
    if catalogue is None:
        check_framework()
        determinism.install()
        catalogue = new_catalogue(app)
        activities.add_to(app, catalogue)
        refuse_unregistered()
        app.before_work(partial(check_policy_names, catalogue))
    if policies is not None:
        _declare(catalogue, policies)
    for agent in agents:
        _add_agent(catalogue, agent)
    for server in mcp_servers:
        add_server(catalogue, server, None)
    _add_fallbacks(catalogue)


def _declare(catalogue: Catalogue, policies: Policies) -> None:
    known = catalogue.policies
    others = [
        it.name for it in fields(known) if getattr(known, it.name) != getattr(policies, it.name)
    ]
    if others and known != Policies():
        raise PoliciesConflictError(fields=others)
    catalogue.policies = policies


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
    add_default_history(agent)
    for provider in agent.context_providers:
        add_provider(catalogue, provider, name)
    for server in agent.mcp_tools:
        add_server(catalogue, server, name)
    for number, client in enumerate(_compacting_clients(agent)):
        add_model(catalogue, client, f"{name}/compaction-{number}")
    for tool in agent.default_options.get("tools") or ():
        if isinstance(tool, FunctionTool):
            _add_tool(catalogue, tool, name)


def add_model(catalogue: Catalogue, client: Any, key: str) -> None:
    """Let the chat client ``client`` be found under ``key``, and take it over.

    Raises:
        TypeError: It is no chat client of the framework.
    """
    _check_client(client, key)
    catalogue.models[key] = client
    take_over(client, client_methods, catalogue, key)


def _add_fallbacks(catalogue: Catalogue) -> None:
    """Let the fallbacks of models be found; only activities call them, so they stay as they are."""
    for key in list(catalogue.models):
        policy = catalogue.policies.of_model(key)
        if key.rpartition("/")[2].startswith("fallback-"):
            continue
        for fallback, client in zip(fallback_keys(key, policy), policy.fallbacks, strict=True):
            _check_client(client, fallback)
            catalogue.models[fallback] = client


def _check_client(client: Any, key: str) -> None:
    if not isinstance(client, BaseChatClient):
        raise TypeError(
            f"model {key!r}: a chat client that derives from agent_framework.BaseChatClient can "
            f"be made durable, {type(client).__qualname__} does not"
        )


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


def _compacting_clients(agent: Any) -> Iterable[BaseChatClient[Any]]:
    yield from _clients_in(getattr(agent, "compaction_strategy", None))
    for provider in agent.context_providers:
        if isinstance(provider, CompactionProvider):
            yield from _clients_in([provider.before_strategy, provider.after_strategy])


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
