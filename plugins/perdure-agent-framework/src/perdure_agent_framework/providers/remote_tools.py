"""Remote tools: in a workflow, tools whose functions only a worker can get hold of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from agent_framework import FunctionTool

from perdure_agent_framework.providers.session_copies import is_json

if TYPE_CHECKING:
    from perdure_agent_framework.tools.places import OnWorker

Json = dict[str, Any]

# Under this name a tool that takes no context gets one all the same; its function does not see it.
_CONTEXT = "_perdure_remote_context"


class RemoteTool(FunctionTool):
    """A tool of a context provider or of an MCP server, as the tool loop of a workflow has it.

    Attributes:
        place: Where its function runs.
    """

    place: OnWorker


def declaration_of(tool: FunctionTool) -> Json:
    """Return all of a tool but its function."""
    return {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters(),
        "approval_mode": tool.approval_mode,
        "kind": tool.kind,
        "max_invocations": tool.max_invocations,
        "max_invocation_exceptions": tool.max_invocation_exceptions,
        "additional_properties": _plain(tool.additional_properties),
        "is_declaration_only": tool.declaration_only,
    }


def declared(declaration: Json) -> FunctionTool:
    """Return a tool without a function."""
    return FunctionTool(**_described(declaration))


def remote_tool(declaration: Json, place: OnWorker, *, needs_context: bool) -> FunctionTool:
    """Return the tool of a declaration; its function, if it has one, runs at ``place``.

    Args:
        declaration: That of :func:`declaration_of`.
        place: Where the function runs.
        needs_context: Whether the worker needs the session, and what else a call's context has.
    """
    if declaration["is_declaration_only"]:
        return declared(declaration)
    tool = RemoteTool(func=_is_elsewhere, **_described(declaration))
    tool.place = place
    tool._context_parameter_name = _CONTEXT if needs_context else None
    return tool


def _described(declaration: Json) -> Json:
    own = ("parameters", "is_declaration_only")
    others = {name: value for name, value in declaration.items() if name not in own}
    return {**others, "input_model": declaration["parameters"]}


def _plain(properties: Json | None) -> Json | None:
    if properties is None:
        return None
    return {name: value for name, value in properties.items() if is_json(value)}


def _is_elsewhere(**_: Any) -> NoReturn:
    raise AssertionError("the function of a remote tool is on a worker")
