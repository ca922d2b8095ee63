"""What an MCP server says beside a result, for whoever hosts the agent and not for the model.

The framework keeps it in the metadata of the call's context until it makes the message of the
result; so it goes from the worker's context to the workflow's.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from agent_framework._tools import (
    _FUNCTION_RESULT_CARRIER_CONTEXT_KEY,
    _FunctionResultCarrier,
)

from perdure_agent_framework.providers.session_copies import is_json

if TYPE_CHECKING:
    from agent_framework import FunctionInvocationContext

Json = dict[str, Any]


def carried_by(context: FunctionInvocationContext) -> Json:
    """Return what a call on a worker has beside its result, to go with its outcome."""
    carrier = context.metadata.get(_FUNCTION_RESULT_CARRIER_CONTEXT_KEY)
    if not isinstance(carrier, _FunctionResultCarrier):
        return {}
    values = {it.name: getattr(carrier, it.name) for it in fields(carrier)}
    plain = {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in values.items()
    }
    return {"carried": plain} if is_json(plain) else {}


def take_carried(context: FunctionInvocationContext, outcome: Json) -> None:
    """Give the call of the workflow what the one on the worker has beside its result."""
    if "carried" not in outcome:
        return
    values: Json = {
        name: frozenset(value) if isinstance(value, list) else value
        for name, value in outcome["carried"].items()
    }
    context.metadata[_FUNCTION_RESULT_CARRIER_CONTEXT_KEY] = _FunctionResultCarrier(**values)
