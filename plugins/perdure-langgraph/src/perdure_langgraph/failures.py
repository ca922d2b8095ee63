"""What a node raised, told by its activity and raised again in the workflow."""

from __future__ import annotations

import builtins
from typing import Any

from langgraph import errors

from perdure.types import Failure
from perdure_langgraph.errors import NodeError

_KNOWN = {
    f"{kind.__module__}.{kind.__qualname__}": kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, Exception)
}


def told(error: Exception) -> dict[str, Any]:
    """Return ``error`` as data."""
    failure = Failure.from_exception(error)
    return {"type": failure.type, "message": failure.message, "traceback": failure.traceback}


def raised(outcome: dict[str, Any], *, node: str) -> Exception:
    """Return the exception of an outcome.

    It is of its own class where that is Python's or LangGraph's; any other is never made from data,
    and comes as ``NodeError``.
    """
    failure = outcome["error"]
    kind = _KNOWN.get(failure["type"]) or getattr(builtins, failure["type"], None)
    if isinstance(kind, type) and issubclass(kind, Exception):
        try:
            made = kind(failure["message"])
        except TypeError:  # it wants more than a message
            made = None
        if made is not None:
            made.add_note(f"raised by node {node!r} in an activity\n{failure['traceback']}")
            return made
    return NodeError(node=node, type=failure["type"], message=failure["message"])
