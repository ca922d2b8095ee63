"""The activity that asks an MCP server what it offers, and the functions of servers for calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure_agent_framework.mcp_servers.connections import connection_to, may_resend
from perdure_agent_framework.providers.remote_tools import declaration_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_framework import FunctionTool

    from perdure_agent_framework.catalogue import Catalogue

Json = dict[str, Any]


async def ask_server(catalogue: Catalogue, request: Json) -> Json:
    """Return the declarations of what a server offers.

    Raises:
        AgentNotRegisteredError: This app does not have the server.
        Exception: The server cannot be reached, or says no.
    """
    connection = connection_to(catalogue.find_mcp_server(request["server"]))
    functions = await connection.functions(request["keywords"])
    return {"functions": [declaration_of(function) for function in functions]}


async def server_function(
    catalogue: Catalogue, key: str, *, agent: str | None, keywords: Mapping[str, Any]
) -> FunctionTool:
    """Return a function of a server, for a call in this activity.

    Args:
        catalogue: The agents of the app.
        key: ``agent/server/tool``.
        agent: Whose model calls it.
        keywords: What headers may be made of.

    Raises:
        AgentNotRegisteredError: The server, or its tool, is not there.
        Exception: The server cannot be reached.
    """
    server_key, _, name = key.rpartition("/")
    connection = connection_to(catalogue.find_mcp_server(server_key))
    found = await connection.function(name, keywords)
    policy = catalogue.policies.of_tool(f"{agent}/{name}")
    may_resend.set(policy.delivery != "at_most_once")
    return found
