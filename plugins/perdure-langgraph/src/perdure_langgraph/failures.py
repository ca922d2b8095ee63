"""What a node raised, told by its activity and raised again in the workflow."""

from __future__ import annotations

import builtins
import sys
from typing import Any

from langgraph import errors

from perdure.types import Failure
from perdure_langgraph import errors as own_errors
from perdure_langgraph.errors import NodeError, UnserializableStateError
from perdure_langgraph.serde import decode, encode

# Of these the attributes are told too, so that none is made by its constructor.
_KNOWN = {
    f"{kind.__module__}.{kind.__qualname__}": kind
    for kind in (*vars(errors).values(), *vars(own_errors).values())
    if isinstance(kind, type) and issubclass(kind, Exception)
}


def told(error: Exception) -> dict[str, Any]:
    """Return ``error`` as data."""
    failure = Failure.from_exception(error)
    data: dict[str, Any] = {"type": failure.type, "message": failure.message}
    data["bases"] = list(failure.bases)
    data["traceback"] = failure.traceback
    if failure.type in _KNOWN:
        named = vars(error).items()
        data["attributes"] = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in named
            if _is_plain(value) and not name.startswith("__")
        }
    elif _builtin_kind(failure.type) is None:
        data.update(_users_own(error))
    elif _is_plain(error.args):
        data["args"] = list(error.args)
    return data


def raised(outcome: dict[str, Any], *, node: str) -> Exception:
    """Return the exception of an outcome.

    It is of its own class where that is Python's or LangGraph's, or one of the user's that is
    loaded here and was told as a whole. Any other comes as ``NodeError``.
    """
    failure = outcome["error"]
    made = _known(failure) or _builtin(failure) or _users(failure)
    if made is None:
        return NodeError(
            node=node,
            type=failure["type"],
            message=failure["message"],
            bases=tuple(failure.get("bases", ())),
        )
    made.add_note(f"raised by node {node!r} in an activity\n{failure['traceback']}")
    return made


def told_to_handler(failed: errors.NodeError | None) -> dict[str, Any] | None:
    """Return what the error handler of a node is told, as data."""
    if failed is None:
        return None
    error = failed.error if isinstance(failed.error, Exception) else Exception(str(failed.error))
    # Without the frames, which are those of the workflow.
    return {"node": failed.node, "error": {**told(error), "traceback": ""}}


def heard_by_handler(data: dict[str, Any] | None) -> errors.NodeError | None:
    """Return what :func:`told_to_handler` was given."""
    if data is None:
        return None
    return errors.NodeError(node=data["node"], error=raised(data, node=data["node"]))


def _known(failure: dict[str, Any]) -> Exception | None:
    kind = _KNOWN.get(failure["type"])
    if kind is None:
        return None
    made = kind.__new__(kind)
    made.args = (failure["message"],)
    for name, value in failure.get("attributes", {}).items():
        setattr(made, name, tuple(value) if isinstance(value, list) else value)
    return made


def _builtin(failure: dict[str, Any]) -> Exception | None:
    kind = _builtin_kind(failure["type"])
    if kind is None:
        return None
    if kind is RuntimeError and "event loop" in failure["message"]:
        # The workflow would be told that it awaits what it may not, but a node in a worker did.
        return None
    try:
        return kind(*failure.get("args", [failure["message"]]))
    except TypeError:  # it wants more than a message
        return None


def _builtin_kind(name: str) -> type[Exception] | None:
    kind = getattr(builtins, name, None)
    return kind if isinstance(kind, type) and issubclass(kind, Exception) else None


def _users_own(error: Exception) -> dict[str, Any]:
    """Return what makes an error of a user's class again, or nothing if that cannot be told."""
    held = {name: value for name, value in vars(error).items() if not name.startswith("__")}
    try:
        text = encode({"args": error.args, "attributes": held}, what="an error")
    except UnserializableStateError:
        return {}
    return {"class": [type(error).__module__, type(error).__qualname__], "held": text}


def _users(failure: dict[str, Any]) -> Exception | None:
    """Return an error of a user's class, made without its ``__init__``."""
    if "class" not in failure:
        return None
    module, name = failure["class"]
    # Of what is loaded only, and not by getattr: data must not be able to load or run code.
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, "__dict__", {}).get(part)
    if not (isinstance(found, type) and issubclass(found, Exception)):
        return None
    held = decode(failure["held"])
    try:
        made: Exception = found.__new__(found, *held["args"])
    except Exception:  # noqa: BLE001 - a class may do there what it likes
        return None
    made.args = tuple(held["args"])
    vars(made).update(held["attributes"])
    return made


def _is_plain(value: Any) -> bool:
    items = value if isinstance(value, tuple | list) else [value]
    return all(isinstance(item, str | int | float | bool | None) for item in items)
