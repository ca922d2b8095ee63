"""Finding the tool of a key on a worker: a registered or imported one, a provider's, a server's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_framework import AgentSession, FunctionTool, tool

from perdure_agent_framework.mcp_servers.activity import server_function
from perdure_agent_framework.mcp_servers.servers import MCP_TOOL
from perdure_agent_framework.providers.activity import provided_tool
from perdure_agent_framework.providers.taking import PROVIDER_TOOL
from perdure_agent_framework.references import resolve

if TYPE_CHECKING:
    from perdure_agent_framework.catalogue import Catalogue
    from perdure_agent_framework.conversion import Json


async def find_tool(
    catalogue: Catalogue, request: Json, session: AgentSession | None
) -> FunctionTool:
    """Return the tool that the request of a tool call names.

    Args:
        catalogue: The agents of the app.
        request: The request.
        session: The session that the tool sees; tools of providers may hold on to it.

    Raises:
        AgentNotRegisteredError: There is none.
        Exception: A provider or a server that has it did not give it.
    """
    key: str = request["tool"]
    if key.startswith(PROVIDER_TOOL):
        return await provided_tool(
            catalogue,
            key.removeprefix(PROVIDER_TOOL),
            request["asked"],
            session or AgentSession(session_id=request["asked"]["session_id"]),
        )
    if key.startswith(MCP_TOOL):
        return await server_function(
            catalogue,
            key.removeprefix(MCP_TOOL),
            agent=request["agent"],
            keywords=request["context"]["keywords"],
        )
    if not key.startswith("import:"):
        return catalogue.find_tool(key)
    found = resolve(key.removeprefix("import:"))
    return found if isinstance(found, FunctionTool) else tool(found)
