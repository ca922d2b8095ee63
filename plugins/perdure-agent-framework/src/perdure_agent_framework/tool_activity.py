"""The activity of a tool call: the tool itself, invoked for real."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent_framework import FunctionInvocationContext, FunctionTool, tool
from agent_framework._tools import SKIP_PARSING
from pydantic_core import to_jsonable_python

import perdure
from perdure_agent_framework.conversion import Json, contents_to_json
from perdure_agent_framework.references import resolve

if TYPE_CHECKING:
    from perdure_agent_framework.catalogue import Catalogue


async def call_tool(catalogue: Catalogue, request: Json) -> Json:
    """Return what the tool that ``request`` names gives.

    Raises:
        AgentNotRegisteredError: This app does not have the tool.
        Exception: The tool raised it.
    """
    found = find_tool(catalogue, request["tool"])
    context = FunctionInvocationContext(function=found, arguments=request["arguments"])
    context.metadata["call_id"] = request["call_id"]
    context.metadata["idempotency_key"] = perdure.current_activity().idempotency_key
    result: Any = await found.invoke(
        arguments=request["arguments"], context=context, tool_call_id=request["call_id"]
    )
    if found.result_parser is SKIP_PARSING:
        return {"value": to_jsonable_python(result)}
    return {"contents": contents_to_json(result)}


def find_tool(catalogue: Catalogue, key: str) -> FunctionTool:
    """Return the tool of ``key``: a registered one, or one that is imported.

    Raises:
        AgentNotRegisteredError: There is none.
    """
    if not key.startswith("import:"):
        return catalogue.find_tool(key)
    found = resolve(key.removeprefix("import:"))
    return found if isinstance(found, FunctionTool) else tool(found)
