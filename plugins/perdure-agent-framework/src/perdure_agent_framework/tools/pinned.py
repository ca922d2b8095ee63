"""Pinned tools: a run that slept goes on with the tools that its model saw.

A run is replayed with the agent as it is now. If the agent has lost a tool since, or checks its
arguments otherwise, the framework would take another way than history has. So the answer of a
model comes with what the tools that it calls were declared as, and where the agent's are different
now, or gone, those calls are made by tools as they were declared.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agent_framework import FunctionTool

from perdure_agent_framework.providers.remote_tools import remote_tool
from perdure_agent_framework.tools.call import durable_tools
from perdure_agent_framework.tools.places import OnWorker

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent_framework import ChatResponse

    from perdure_agent_framework.scope import RunScope

Json = dict[str, Any]

PINS = "perdure_pins"
"""The name among stored options under which the tools are told, beside their declarations."""


def pins_of(tools: Iterable[Any] | None) -> Json:
    """Return how each function that runs on a worker is called there, by the tool's name."""
    pins = ((tool.name, _pin_of(tool)) for tool in tools or () if isinstance(tool, FunctionTool))
    return {name: pin for name, pin in pins if pin is not None}


def called_tools(options: Json, response: ChatResponse[Any]) -> list[Json]:
    """Return the tools that an answer calls, as stored options have declared them."""
    pins = options.get(PINS) or {}
    called = {
        content.name
        for message in response.messages
        for content in message.contents
        if content.type == "function_call"
    }
    functions = (tool["function"] for tool in options.get("tools") or () if "function" in tool)
    return [
        {"declaration": _declaration(function, pin), "pin": pin}
        for function in functions
        if function["name"] in called and (pin := pins.get(function["name"])) is not None
    ]


def pin_tools(tools: list[Any], called: Iterable[Json], scope: RunScope) -> None:
    """Put tools as they were declared in the place of those that are different, or gone.

    Args:
        tools: The tools of a run, which the tool loop looks into after each answer.
        called: Those of :func:`called_tools`.
        scope: The run.
    """
    for one in called:
        name = one["declaration"]["name"]
        place = next((i for i, it in enumerate(tools) if getattr(it, "name", "") == name), None)
        if place is not None and _is_as_declared(tools[place], one):
            continue
        pin = one["pin"]
        was = remote_tool(
            one["declaration"],
            OnWorker(key=pin["key"], policy_key=pin["policy_key"]),
            needs_context=pin["needs_context"],
        )
        pinned = durable_tools([was], scope)
        if place is None:
            tools.extend(pinned)
        else:
            tools[place : place + 1] = pinned


def _is_as_declared(tool: Any, one: Json) -> bool:
    if not isinstance(tool, FunctionTool) or _pin_of(tool) != one["pin"]:
        return False
    now, then = tool.parameters(), one["declaration"]["parameters"]
    return json.dumps(now, sort_keys=True) == json.dumps(then, sort_keys=True)


def _pin_of(tool: FunctionTool) -> Json | None:
    durable: Any = vars(tool).get("_invoke_function")
    place = getattr(durable, "place", None)
    if type(place) is not OnWorker:
        return None
    return {
        "key": place.key,
        "policy_key": place.policy_key,
        "needs_context": durable.tool._context_parameter_name is not None,
        "approval_mode": durable.tool.approval_mode,
        "max_invocations": durable.tool.max_invocations,
        "max_invocation_exceptions": durable.tool.max_invocation_exceptions,
    }


def _declaration(function: Json, pin: Json) -> Json:
    limits = ("approval_mode", "max_invocations", "max_invocation_exceptions")
    return {
        "name": function["name"],
        "description": function["description"],
        "parameters": function["parameters"],
        "kind": function.get("kind"),
        "additional_properties": function.get("additional_properties"),
        "is_declaration_only": False,
        **{name: pin[name] for name in limits},
    }
