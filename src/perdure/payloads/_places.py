"""Places inside a value: how a path is written, what stands there, what lies below."""

from __future__ import annotations

import dataclasses
import functools
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

MISSING: Final = object()

Step = str | int
Path = tuple[Step, ...]
Locate = Callable[[Path], tuple[str, Path]]
"""Splits a path into what it belongs to (``argument 'city' of activity 'quote'``) and the rest."""


def path_text(path: Path) -> str:
    """Return ``path`` as one would write it in Python: ``cities[0].name``."""
    text = ""
    for step in path:
        if step == "[key]":  # pydantic's word
            text += " (the key)"
        elif isinstance(step, str) and step.isidentifier():
            text += f".{step}" if text else step
        else:
            text += f"[{step!r}]"
    return text


def at_path(path: Path) -> str:
    """Return ``at cities[0]: `` for a message, or nothing for the empty path."""
    return f"at {path_text(path)}: " if path else ""


def parts(value: object) -> Iterator[tuple[Step, Any]]:
    """Yield what ``value`` is made of; nothing for what has no parts."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key if isinstance(key, str | int) else repr(key), item
    elif isinstance(value, list | tuple | set | frozenset | deque):
        yield from enumerate(value)
    elif fields := fields_of(value):
        yield from fields.items()


@functools.lru_cache(maxsize=1_000)
def field_names(kind: Any) -> tuple[str, ...] | None:
    """Return the fields of a dataclass or pydantic model; ``None`` for other classes.

    Left out is what the author of a model keeps out of JSON on purpose, by ``exclude=True``.
    """
    declared = getattr(kind, "__pydantic_fields__", None)
    if declared is not None:
        return tuple(name for name, field in declared.items() if not field.exclude)
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind))
    return None


def fields_of(value: object) -> dict[str, Any] | None:
    """Return the fields of a dataclass or pydantic model; ``None`` for anything else."""
    kind: Any = type(value)
    names = field_names(kind)
    if names is None:
        return None
    found = {name: getattr(value, name, MISSING) for name in names}
    extra = getattr(value, "__pydantic_extra__", None)
    return {**found, **extra} if extra else found


def look_up(value: object, path: Path, default: object) -> object:
    """Return what stands at ``path`` in ``value``, or ``default`` if it leads nowhere."""
    for step in path:
        below = dict(parts(value))
        if step not in below:
            return default
        value = below[step]
    return value
