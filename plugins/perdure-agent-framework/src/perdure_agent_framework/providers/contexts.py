"""A run's ``SessionContext`` on a worker, and what a context provider adds to it there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agent_framework import FunctionTool, SessionContext, normalize_tools
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from perdure_agent_framework.conversion import message_from_json, message_to_json
from perdure_agent_framework.errors import NotDurableError
from perdure_agent_framework.providers.remote_tools import declaration_of, declared
from perdure_agent_framework.providers.session_copies import is_json
from perdure_agent_framework.sessions.agent_responses import response_from_json, response_to_json
from perdure_agent_framework.sessions.state_changes import apply_changes, changes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent_framework import Message

Json = dict[str, Any]


def context_to_json(context: SessionContext) -> Json:
    """Return what a provider may know of a run.

    Of options and metadata goes what is JSON; of tools their declarations.

    Raises:
        NotDurableError: A message cannot be stored.
    """
    response = context.response
    return {
        **asked_to_json(context),
        "messages": {
            source: [message_to_json(it) for it in messages]
            for source, messages in context.context_messages.items()
        },
        "instructions": [it for it in context.instructions if is_json(it)],
        "tools": [declaration_of(it) for it in context.tools if isinstance(it, FunctionTool)],
        "metadata": _plain_part(context.metadata),
        "response": None if response is None else response_to_json(response),
    }


def asked_to_json(context: SessionContext) -> Json:
    """Return what a run was asked, without what its providers have added.

    Raises:
        NotDurableError: A message cannot be stored.
    """
    return {
        "session_id": context.session_id,
        "service_session_id": context.service_session_id,
        "input": [message_to_json(it) for it in context.input_messages],
        "options": _plain_part(context.options),
    }


def context_from_json(data: Json) -> SessionContext:
    """Return the copy of :func:`context_to_json` or :func:`asked_to_json`."""
    context = SessionContext(
        session_id=data["session_id"],
        service_session_id=data["service_session_id"],
        input_messages=_messages(data["input"]),
        context_messages={name: _messages(it) for name, it in data.get("messages", {}).items()},
        instructions=list(data.get("instructions", ())),
        tools=[declared(it) for it in data.get("tools", ())],
        options=dict(data["options"]),
        metadata=dict(data.get("metadata", {})),
    )
    if data.get("response") is not None:
        context._response = response_from_json(data["response"])
    return context


def added_to(context: SessionContext, data: Json, *, provider: str) -> Json:
    """Return what a provider has done to the copy that was made of ``data``.

    Raises:
        NotDurableError: It has added what cannot leave its process.
    """
    if context.middleware:
        raise NotDurableError(
            what=f"the middleware that context provider {provider!r} adds to runs",
            remedy="give the middleware to the agent itself, Agent(middleware=[…]), or, if the "
            f"provider computes only, let it run in workflows: Policies(inline_providers={{"
            f"{provider!r}}})",
        )
    after = context_to_json(context)
    parts = ("input", "options", "messages", "instructions", "metadata")
    known = len(data["tools"])
    return {
        **{part: changes(data[part], after[part]) for part in parts},
        "tools": [_tool_to_json(it, provider) for it in normalize_tools(context.tools[known:])],
    }


def take_additions(
    context: SessionContext, added: Json, *, tool: Callable[[Json], FunctionTool]
) -> None:
    """Do to ``context`` what a provider did to its copy.

    Args:
        context: The context of the run.
        added: What :func:`added_to` gave.
        tool: Makes a tool of the run of a declaration.
    """
    _take_messages(context.input_messages, added["input"])
    if added["messages"] is not None:
        for source in added["messages"]["remove"]:
            context.context_messages.pop(source, None)
        for source, change in added["messages"]["set"].items():
            _take_messages(context.context_messages.setdefault(source, []), change)
    context.instructions[:] = apply_changes(context.instructions, added["instructions"])
    _take_values(context.options, added["options"])
    _take_values(context.metadata, added["metadata"])
    for it in added["tools"]:
        context.tools.append(tool(it["function"]) if "function" in it else it["hosted"])


def _take_messages(messages: list[Message], change: Json | None) -> None:
    match change:
        case {"append": new}:
            messages.extend(_messages(new))
        case {"replace": new}:
            messages[:] = _messages(new)


def _take_values(values: dict[str, Any], change: Json | None) -> None:
    if change is None:
        return
    for name in change["remove"]:
        values.pop(name, None)
    for name, part in change["set"].items():
        values[name] = apply_changes(values.get(name), part)


def _tool_to_json(tool: Any, provider: str) -> Json:
    if isinstance(tool, FunctionTool):
        return {"function": declaration_of(tool)}
    if isinstance(tool, Mapping | BaseModel):
        return {"hosted": to_jsonable_python(tool)}
    raise NotDurableError(
        what=f"a tool of type {type(tool).__qualname__} from context provider {provider!r}",
        remedy="give it to the agent itself, Agent(tools=[…])",
    )


def _messages(data: Sequence[Json]) -> list[Message]:
    return [message_from_json(item) for item in data]


def _plain_part(values: Mapping[str, Any]) -> Json:
    return {name: value for name, value in values.items() if is_json(value)}
