"""The names in policies: those that nothing has are told before a worker starts.

A misspelt name would be no error otherwise, and an ``at_most_once`` that holds for nothing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from agent_framework import FunctionTool, HistoryProvider

from perdure_agent_framework.errors import UnknownPolicyNameError
from perdure_agent_framework.takeover import seam_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perdure_agent_framework.catalogue import Catalogue

_logger = logging.getLogger(__name__)


def check_policy_names(catalogue: Catalogue) -> None:
    """Raise if policies name a model or a tool that there is not; warn where there may be one.

    Which tools single runs, providers and MCP servers bring shows only when they do.

    Raises:
        UnknownPolicyNameError: One is named that no agent has.
    """
    policies = catalogue.policies
    models = _models(catalogue)
    for name in policies.models or ():
        if name not in models:
            raise UnknownPolicyNameError(kind="model", name=name, known=models)
    tools = [f"{name}/{tool}" for name, it in catalogue.agents.items() for tool in _tools(it)]
    plain = {key.rpartition("/")[2] for key in tools}
    for name in policies.tools or ():
        agent_name, is_of_agent, _ = name.rpartition("/")
        agent = catalogue.agents.get(agent_name)
        if name in tools or name in plain:
            continue
        if is_of_agent and (agent is None or not _gets_more_tools(agent)):
            raise UnknownPolicyNameError(kind="tool", name=name, known=tools)
        _logger.warning(
            "policies name tool %r, which no registered agent has: it holds if a run, a context "
            "provider or an MCP server brings such a tool; agents have: %s",
            name,
            ", ".join(sorted(tools)) or "none",
        )


def _models(catalogue: Catalogue) -> list[str]:
    """Return the keys by which models are called: a client of several agents has the first's."""
    seams = {key: seam_of(client) for key, client in catalogue.models.items()}
    # Fallbacks are called by activities alone, and are not taken over for that.
    return [
        key
        for key, seam in seams.items()
        if "/fallback-" in key or (seam is not None and seam.keys.get(catalogue) == key)
    ]


def _tools(agent: Any) -> Iterable[str]:
    tools = agent.default_options.get("tools") or ()
    return (tool.name for tool in tools if isinstance(tool, FunctionTool))


def _gets_more_tools(agent: Any) -> bool:
    providers = agent.context_providers
    return bool(agent.mcp_tools) or any(
        not isinstance(provider, HistoryProvider) for provider in providers
    )
