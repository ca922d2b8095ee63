"""Tuples, which LangGraph's serializer would turn into lists, marked so that they come back."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from langgraph.types import Command, Send

if TYPE_CHECKING:
    from collections.abc import Callable

_MARK = "__perdure_tuple__"


def marked(value: Any) -> Any:
    """Return ``value`` with each tuple in its plain containers marked; itself if there is none."""
    if type(value) is tuple:
        return {_MARK: [marked(item) for item in value]}
    return _mapped(value, marked)


def unmarked(value: Any) -> Any:
    """Return what :func:`marked` was given."""
    if type(value) is dict and len(value) == 1 and _MARK in value:
        return tuple(unmarked(item) for item in value[_MARK])
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
