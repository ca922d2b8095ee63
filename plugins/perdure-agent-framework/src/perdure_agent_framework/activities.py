"""The activities of durable agents, as an app's workers have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure_agent_framework.mcp_servers.activity import ask_server
from perdure_agent_framework.mcp_servers.servers import MCP_ACTIVITY
from perdure_agent_framework.models.activity import call_model
from perdure_agent_framework.models.call import MODEL_ACTIVITY
from perdure_agent_framework.providers.activity import run_provider
from perdure_agent_framework.providers.taking import PROVIDER_ACTIVITY
from perdure_agent_framework.tools.activity import call_tool
from perdure_agent_framework.tools.places import TOOL_ACTIVITY

if TYPE_CHECKING:
    from perdure import Registry
    from perdure_agent_framework.catalogue import Catalogue


def add_to(registry: Registry, catalogue: Catalogue) -> None:
    """Register the activities that find their agents in ``catalogue``.

    Raises:
        DuplicateNameError: The registry has a function of such a name.
    """

    @registry.activity(name=MODEL_ACTIVITY)
    async def agent_model(request: dict[str, Any]) -> dict[str, Any]:
        return await call_model(catalogue, request)

    @registry.activity(name=TOOL_ACTIVITY)
    async def agent_tool(request: dict[str, Any]) -> dict[str, Any]:
        return await call_tool(catalogue, request)

    @registry.activity(name=PROVIDER_ACTIVITY)
    async def agent_provider(request: dict[str, Any]) -> dict[str, Any]:
        return await run_provider(catalogue, request)

    @registry.activity(name=MCP_ACTIVITY)
    async def agent_mcp(request: dict[str, Any]) -> dict[str, Any]:
        return await ask_server(catalogue, request)
