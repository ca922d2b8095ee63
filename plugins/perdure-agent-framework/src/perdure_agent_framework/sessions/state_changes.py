"""What has changed between two JSON values, so that only that need be stored.

A conversation's state is mostly a list of messages that grows at its end: with each turn, what
comes back is what was added.
"""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]


def changes(old: Any, new: Any) -> Json | None:
    """Return what makes ``new`` of ``old``, or ``None`` if they are equal."""
    if isinstance(old, dict) and isinstance(new, dict):
        return _changes_of_mapping(old, new)
    if _is_same(old, new):
        return None
    if isinstance(old, list) and isinstance(new, list) and _is_same(old, new[: len(old)]):
        return {"append": new[len(old) :]}
    return {"replace": new}


def apply_changes(old: Any, change: Json | None) -> Any:
    """Return what :func:`changes` was given as ``new``; ``old`` stays as it is."""
    if change is None:
        return old
    if "replace" in change:
        return change["replace"]
    if "append" in change:
        return [*old, *change["append"]]
    kept = {name: value for name, value in old.items() if name not in change["remove"]}
    changed = {name: apply_changes(old.get(name), part) for name, part in change["set"].items()}
    return {**kept, **changed}


def _changes_of_mapping(old: Json, new: Json) -> Json | None:
    parts = {name: _change_of(old, name, value) for name, value in new.items()}
    different = {name: part for name, part in parts.items() if part is not None}
    removed = sorted(old.keys() - new.keys())
    return {"set": different, "remove": removed} if different or removed else None


def _change_of(old: Json, name: str, value: Any) -> Json | None:
    return changes(old[name], value) if name in old else {"replace": value}


def _is_same(old: Any, new: Any) -> bool:
    # As text: 1, 1.0 and True are equal to Python, and are not the same JSON.
    return old is new or json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)
