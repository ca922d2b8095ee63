"""What crosses between a workflow and its activities, as JSON: messages, options, tools, answers.

Tools go by value, as their declarations: handoff tools and those of context providers are in no
registry, and the model needs no more than a declaration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agent_framework import ChatResponse, Content, FunctionTool, Message
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_jsonable_python

from perdure_agent_framework.errors import NotDurableError
from perdure_agent_framework.models.response_formats import format_from_json, format_to_json

Json = dict[str, Any]

_BY_OWN_RULES = frozenset({"tools", "response_format"})


def message_to_json(message: Message) -> Json:
    """Return ``message`` without what only the process that got it can use.

    Raises:
        NotDurableError: Something in it cannot be stored.
    """
    data: Json = _plain(message.to_dict(), what=f"a message of role {message.role!r}")
    return data


def message_from_json(data: Json) -> Message:
    """Return the message of :func:`message_to_json`."""
    return Message.from_dict(data)


def contents_to_json(contents: Sequence[Content]) -> list[Json]:
    """Return the contents of a message or of a tool's result."""
    return [content.to_dict() for content in contents]


def contents_from_json(data: Sequence[Json]) -> list[Content]:
    """Return the contents of :func:`contents_to_json`."""
    return [Content.from_dict(item) for item in data]


def options_to_json(options: Mapping[str, Any]) -> Json:
    """Return the options of a model call.

    Raises:
        NotDurableError: One cannot be stored.
    """
    data: Json = {
        name: _plain(value, what=f"option {name!r} of a model call")
        for name, value in options.items()
        if name not in _BY_OWN_RULES
    }
    if tools := options.get("tools"):
        data["tools"] = [_tool_to_json(tool) for tool in _as_sequence(tools)]
    if (response_format := options.get("response_format")) is not None:
        data["response_format"] = _format_to_json(response_format)
    return data


def options_from_json(data: Json) -> Json:
    """Return the options of :func:`options_to_json`; its tools are declarations."""
    options = dict(data)
    if "tools" in options:
        options["tools"] = [_tool_from_json(tool) for tool in options["tools"]]
    if "response_format" in options:
        options["response_format"] = _format_from_json(options["response_format"])
    return options


def response_to_json(response: ChatResponse[Any]) -> Json:
    """Return a model's answer."""
    data = response.to_dict()
    if response.additional_properties:
        data["additional_properties"] = to_jsonable_python(
            response.additional_properties, fallback=lambda _: None
        )
    return data


def response_from_json(data: Json, *, response_format: Any = None) -> ChatResponse[Any]:
    """Return the answer of :func:`response_to_json`.

    Args:
        data: What was stored.
        response_format: What the answer's ``value`` is to be read as.
    """
    response: ChatResponse[Any] = ChatResponse.from_dict(data)
    if response_format is not None:
        response._response_format = response_format
    return response


def _tool_to_json(tool: Any) -> Json:
    if isinstance(tool, FunctionTool):
        declaration: Json = {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters(),
        }
        if tool.kind is not None:
            declaration["kind"] = tool.kind
        if tool.additional_properties:
            declaration["additional_properties"] = _plain(
                tool.additional_properties, what=f"additional_properties of tool {tool.name!r}"
            )
        return {"function": declaration}
    if isinstance(tool, Mapping | BaseModel):
        return {"hosted": _plain(tool, what="a hosted tool")}
    what = f"a tool of type {type(tool).__qualname__}"
    raise NotDurableError(what=what, remedy="give it as a FunctionTool, a function or a mapping")


def _tool_from_json(data: Json) -> Any:
    if "hosted" in data:
        return data["hosted"]
    declaration = data["function"]
    return FunctionTool(
        name=declaration["name"],
        description=declaration["description"],
        input_model=declaration["parameters"],
        kind=declaration.get("kind"),
        additional_properties=declaration.get("additional_properties"),
    )


def _format_to_json(response_format: Any) -> Json:
    return format_to_json(response_format) or {
        "mapping": _plain(response_format, what="option 'response_format' of a model call")
    }


def _format_from_json(data: Json) -> Any:
    return data["mapping"] if "mapping" in data else format_from_json(data)


def _plain(value: Any, *, what: str) -> Any:
    try:
        return to_jsonable_python(value)
    except PydanticSerializationError as err:
        raise NotDurableError(what=f"{what} ({err})", remedy="use JSON types in it") from err


def _as_sequence(tools: Any) -> Sequence[Any]:
    is_one = isinstance(tools, Mapping | FunctionTool) or not isinstance(tools, Sequence)
    return [tools] if is_one else tools
