"""What LangGraph's serializer cannot take as it is, marked so that it comes back.

Tuples would become lists. A ``perdure.Secret`` is encrypted, as wherever perdure stores one.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from langgraph.types import Command, Send
from pydantic import TypeAdapter

import perdure

if TYPE_CHECKING:
    from collections.abc import Callable

_MARK = "__perdure_tuple__"
_SECRET_MARK = "__perdure_secret__"

_secrets = TypeAdapter(perdure.Secret[Any])


def marked(value: Any) -> Any:
    """Return ``value`` with what is to be marked in its plain containers; itself if nothing is.

    Raises:
        ValueError: There is a secret, and no key to encrypt it with.
    """
    kind = type(value)
    if kind is tuple:
        return {_MARK: [marked(item) for item in value]}
    if kind is perdure.Secret:
        return {_SECRET_MARK: _secrets.dump_python(value, mode="json")}
    return _mapped(value, marked)


def unmarked(value: Any) -> Any:
    """Return what :func:`marked` was given."""
    if type(value) is dict and len(value) == 1:
        if _MARK in value:
            return tuple(unmarked(item) for item in value[_MARK])
        if _SECRET_MARK in value:
            return _secrets.validate_json(json.dumps(value[_SECRET_MARK]))
    return _mapped(value, unmarked)


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return ``value`` with what is in it changed; itself if nothing is."""
    kind = type(value)
    if kind is list:
        items = [change(item) for item in value]
        return items if _differ(items, value) else value
    if kind is dict:
        changed = {key: change(item) for key, item in value.items()}
        return changed if _differ(changed.values(), value.values()) else value
    if kind is Command:
        # Where it goes to may be a tuple of several: that stays as LangGraph stores it.
        sends = value.goto if isinstance(value.goto, str) else _mapped(value.goto, change)
        return dataclasses.replace(value, update=change(value.update), goto=sends)
    if kind is Send:
        return Send(value.node, change(value.arg), timeout=value.timeout)
    return value


def _differ(items: Any, others: Any) -> bool:
    return any(item is not other for item, other in zip(items, others, strict=True))
