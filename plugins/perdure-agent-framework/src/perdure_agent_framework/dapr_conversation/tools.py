"""The tools that a model may call, as the Conversation API has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agent_framework import FunctionTool, normalize_tools, validate_tool_mode

from perdure_agent_framework.dapr_conversation.errors import DaprRequestError

if TYPE_CHECKING:
    from agent_framework import ToolMode


def tool_options(options: Mapping[str, Any], *, component: str) -> dict[str, Any]:
    """Return the part of a request that offers tools; empty if there are none.

    Raises:
        DaprRequestError: A tool that is no function, or a choice that leaves none.
    """
    mode = validate_tool_mode(options.get("tool_choice"))
    tools = [_function(tool, component) for tool in normalize_tools(options.get("tools"))]
    offered = _allowed(tools, mode)
    if not offered:
        if mode is not None and mode["mode"] == "required":
            named = mode.get("required_function_name") or mode.get("allowed_tools") or "one"
            have = ", ".join(tool["name"] for tool in tools) or "none"
            problem = f"tool_choice requires {named}, and the tools offered are: {have}"
            raise DaprRequestError(problem, component=component)
        return {}
    request: dict[str, Any] = {"tools": [{"function": tool} for tool in offered]}
    if mode is not None:
        request["toolChoice"] = mode["mode"]
    return request


def _allowed(tools: list[dict[str, Any]], mode: ToolMode | None) -> list[dict[str, Any]]:
    """Return the tools that ``mode`` lets the model call.

    A tool that is required by name is offered alone: daprd hands its name on as a bare text, which
    OpenAI's API refuses, whereas every component understands ``required``.
    """
    if mode is None:
        return tools
    if name := mode.get("required_function_name"):
        return [tool for tool in tools if tool["name"] == name]
    allowed = mode.get("allowed_tools")
    return tools if allowed is None else [tool for tool in tools if tool["name"] in allowed]


def _function(tool: object, component: str) -> dict[str, Any]:
    spec = tool.to_json_schema_spec() if isinstance(tool, FunctionTool) else tool
    if isinstance(spec, Mapping) and isinstance(function := spec.get("function"), Mapping):
        known = ("name", "description", "parameters")
        return {key: function[key] for key in known if function.get(key)}
    what = spec.get("type") if isinstance(spec, Mapping) else type(spec).__name__
    problem = (
        f"Dapr's Conversation API has tools that are functions only, not {what!r}; give the agent "
        "a function that does it, or call the model by a client of its own"
    )
    raise DaprRequestError(problem, component=component)
