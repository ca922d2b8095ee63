"""How the error of a turn reaches whoever waits for it, with its class and its fields.

A workflow's failure is told as a class name and a text. The fields of our own errors stand in the
custom status of the turn; an object is made of them again only for the classes listed here.
"""

from __future__ import annotations

from typing import Any

from perdure import WorkflowFailedError, WorkflowTerminatedError
from perdure.types import type_name
from perdure_agent_framework import errors
from perdure_agent_framework.errors import AgentRunError

Json = dict[str, Any]

ENDS_OF_TURNS = (AgentRunError, WorkflowFailedError, WorkflowTerminatedError)
"""What is raised to whoever waits for a turn that has ended. All else ends only their wait."""

_PLAIN = (str, int, float, bool, type(None))
_KINDS = {
    type_name(kind): kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, AgentRunError)
}


def fields_of(error: AgentRunError) -> Json:
    """Return the fields of ``error`` that are plain values."""
    return {name: value for name, value in vars(error).items() if isinstance(value, _PLAIN)}


def error_of_turn(failed: WorkflowFailedError, fields: Json) -> Exception:
    """Return the error that a turn raised, if it is one of ours, else ``failed`` itself."""
    kind = _KINDS.get(failed.failure.type)
    if kind is None:
        return failed
    # Not by its constructor: that makes the text, which has come as a whole.
    error = kind.__new__(kind)
    error.args = (failed.failure.message,)
    vars(error).update(fields)
    error.__cause__ = failed
    return error
