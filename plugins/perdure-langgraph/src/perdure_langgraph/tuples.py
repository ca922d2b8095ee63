"""What LangGraph's serializer cannot take as it is, marked so that it comes back.

Tuples would become lists. A ``perdure.Secret`` is encrypted, as wherever perdure stores one.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter

import perdure

_MARK = "__perdure_tuple__"
_SECRET_MARK = "__perdure_secret__"

_secrets = TypeAdapter(perdure.Secret[Any])


def marked(value: Any) -> Any:
    """Return ``value`` with what is to be marked in its plain containers; itself if nothing is.

    Raises:
        ValueError: There is a secret, and no key to encrypt it with.
    """
    kind = type(value)
    if kind is perdure.Secret:
        return {_SECRET_MARK: _secrets.dump_python(value, mode="json")}
    if kind is tuple:
        return {_MARK: [marked(item) for item in value]}
    if kind is list:
        items = [marked(item) for item in value]
        return items if _differ(items, value) else value
    if kind is dict:
        changed = {key: marked(item) for key, item in value.items()}
        return changed if _differ(changed.values(), value.values()) else value
    return value


def unmarked(value: Any) -> Any:
    """Return what :func:`marked` was given."""
    kind = type(value)
    if kind is list:
        items = [unmarked(item) for item in value]
        return items if _differ(items, value) else value
    if kind is dict:
        if len(value) == 1 and _MARK in value:
            return tuple(unmarked(item) for item in value[_MARK])
        if len(value) == 1 and _SECRET_MARK in value:
            return _secrets.validate_json(json.dumps(value[_SECRET_MARK]))
        changed = {key: unmarked(item) for key, item in value.items()}
        return changed if _differ(changed.values(), value.values()) else value
    return value


def _differ(items: Any, others: Any) -> bool:
    return any(item is not other for item, other in zip(items, others, strict=True))
