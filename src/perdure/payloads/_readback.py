"""Whether what was read back is what was written.

JSON changes much silently: a tuple becomes a list, a set too, a subclass becomes its base, an enum
member its value. Rather than know every such case, perdure reads back what it is about to store and
compares. Two things are let go on purpose: the name of a time zone (its offset stays), and fields
that the author of a model excluded from JSON.
"""

from __future__ import annotations

import enum
import math
from collections import deque
from dataclasses import dataclass
from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from perdure.payloads._places import MISSING, Path, Step, field_names

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

_EXACT = frozenset({str, int, bool, type(None), bytes})
_SEQUENCES = (list, tuple, deque)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The first place where a value did not survive, and what would become of it there."""

    path: Path
    problem: str

    def below(self, step: Step) -> Change:
        """Return this change as seen from one level up."""
        return Change(path=(step, *self.path), problem=self.problem)


def find_change(sent: Any, read: Any) -> Change | None:
    """Return the first difference of value or type between ``sent`` and ``read``.

    An ``int`` given where ``float`` is declared is no difference if it is the same number.
    """
    kind: Any = type(sent)
    if kind is not type(read):
        return _change_of_type(sent, read)
    if kind in _EXACT:
        return None if sent == read else _lost(sent)
    if kind is float:
        return _change_of_float(sent, read)
    if isinstance(sent, dict):
        return _change_of_dict(sent, read)
    if isinstance(sent, _SEQUENCES):
        return _change_of_sequence(sent, read)
    if isinstance(sent, set | frozenset):
        return _change_of_set(sent, read)
    names = field_names(kind)  # type: ignore[arg-type]  # mypy: classes have no hash
    if names is not None:
        return _change_of_fields(sent, read, names)
    return _change_of_leaf(sent, read)


def _change_of_type(sent: Any, read: Any) -> Change | None:
    if type(sent) is int and type(read) is float and sent == read:
        return None
    if type(sent) is float and not math.isfinite(sent):
        return _not_finite(sent)
    given, back = _class_name(sent), _class_name(read)
    return Change(path=(), problem=f"{given} would come back as {back}; {_remedy(sent, read)}")


def _remedy(sent: Any, read: Any) -> str:
    if isinstance(sent, type(read)):
        return "annotate it with the class itself, or pass a value of the declared one"
    if isinstance(sent, tuple | set | frozenset | deque) and isinstance(read, list):
        return "annotate it as such, or pass a list"
    return "annotate it with its own type, or pass what the annotation says"


def _change_of_float(sent: float, read: float) -> Change | None:
    if not math.isfinite(sent):
        return _not_finite(sent)
    return None if sent == read else _lost(sent)


def _change_of_dict(sent: dict[Any, Any], read: dict[Any, Any]) -> Change | None:
    if list(sent) != list(read):
        # A TypedDict is read in the order of its declaration; any other dict keeps its own.
        if sent.keys() != read.keys():
            return _change_of_keys(sent, read)
        own = {key: key for key in read}
        read = {own[key]: read[key] for key in sent}
    for (key, item), (key_read, item_read) in zip(sent.items(), read.items(), strict=True):
        if type(key) not in _EXACT or type(key) is not type(key_read):
            change = find_change(key, key_read)
            if change is not None:
                return Change(path=(), problem=f"key {key!r}: {change.problem}")
        if type(item) not in _EXACT or type(item) is not type(item_read) or item != item_read:
            change = find_change(item, item_read)
            if change is not None:
                return change.below(key if isinstance(key, str | int) else repr(key))
    return None


def _change_of_keys(sent: dict[Any, Any], read: dict[Any, Any]) -> Change:
    for key, key_read in zip(sent, read, strict=False):
        if type(key) is not type(key_read) and len(sent) == len(read):
            change = find_change(key, key_read) or _lost(key)
            return Change(path=(), problem=f"key {key!r}: {change.problem}")
    lost = next((key for key in sent if key not in read), None)
    return Change(path=(), problem=f"key {lost!r} would be lost; its type does not declare it")


def _change_of_sequence(sent: Any, read: Any) -> Change | None:
    if len(sent) != len(read):
        return Change(path=(), problem=f"{len(sent)} items would come back as {len(read)}")
    if isinstance(sent, deque) and sent.maxlen != read.maxlen:
        return Change(path=(), problem="the maxlen of a deque would be lost")
    for index, (item, item_read) in enumerate(zip(sent, read, strict=True)):
        if type(item) not in _EXACT or type(item) is not type(item_read) or item != item_read:
            change = find_change(item, item_read)
            if change is not None:
                return change.below(index)
    return None


def _change_of_set(sent: AbstractSet[Any], read: AbstractSet[Any]) -> Change | None:
    if sent != read:
        return _lost(sent)
    # Equal sets may still hold other types: {1} == {True}.
    twins = {item: item for item in read}
    for item in sent:
        change = find_change(item, twins[item])
        if change is not None:
            return change
    return None


def _change_of_fields(sent: Any, read: Any, names: tuple[str, ...]) -> Change | None:
    for name in names:
        item, item_read = getattr(sent, name, MISSING), getattr(read, name, MISSING)
        if item is item_read:
            continue
        if item_read is MISSING:
            return Change(path=(name,), problem="it would be lost")
        change = find_change(item, item_read)
        if change is not None:
            return change.below(name)
    extra = getattr(sent, "__pydantic_extra__", None)
    return find_change(extra, read.__pydantic_extra__) if extra else None


def _change_of_leaf(sent: Any, read: Any) -> Change | None:
    if isinstance(sent, datetime | time) and sent.utcoffset() != read.utcoffset():
        return _lost(sent)
    if sent is read:
        return None
    kind: Any = type(sent)
    if kind.__eq__ != object.__eq__ or issubclass(kind, enum.Enum):
        return None if sent == read else _lost(sent)
    # A class that does not say what makes two of its objects equal: their attributes do.
    change = find_change(sent.__getstate__(), read.__getstate__())
    return None if change is None else _lost(sent)


def _lost(sent: Any) -> Change:
    return Change(path=(), problem=f"this {_class_name(sent)} would come back with another value")


def _not_finite(sent: float) -> Change:
    return Change(path=(), problem=f"JSON has no {sent!r}; pass None or a text instead")


def _class_name(value: object) -> str:
    return "None" if value is None else type(value).__qualname__
