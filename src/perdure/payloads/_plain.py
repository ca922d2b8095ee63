"""The fast way for plain JSON types, without pydantic.

For annotations made of ``str``, ``int``, ``float``, ``bool``, ``None``, ``Any``, ``list[…]`` and
``dict[str, …]`` the standard library's JSON does all the work, and a program that uses nothing else
never imports pydantic. This module only ever says "certainly fine" or "I do not know" (``UNSURE``);
what it is unsure of goes the typed way, which decides and words the errors. So both ways agree.
"""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Callable
from typing import Any, Final, Union

Check = Callable[[Any, int], bool]
"""Whether a value is exactly what an annotation says, given how many levels deeper it may go."""

UNSURE: Final = object()

_MAX_DEPTH = 100
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class _ConstantError(ValueError):
    """There is a ``NaN`` or an ``Infinity``, which Python reads and JSON does not have."""


def _refuse_constant(name: str) -> Any:
    raise _ConstantError(name)


_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode


class PlainCodec:
    """Writes and reads values of one plain annotation."""

    def __init__(self, *, writes: Check, reads: Check) -> None:
        self._writes = writes
        self._reads = reads

    def encode(self, value: object) -> str | None:
        """Return the JSON text of ``value``, or ``None`` if unsure."""
        try:
            if not self._writes(value, _MAX_DEPTH):
                return None
            text = _encode(value)
        except (ValueError, RecursionError):
            return None
        # Lone surrogates pass through the encoder, but no file and no wire takes them.
        return text if text.isascii() or _is_utf8(text) else None

    def decode(self, text: str) -> Any:
        """Return the value of ``text``, or ``UNSURE``."""
        if "\\u" in text:
            return UNSURE  # escapes may be lone surrogates
        try:
            value = _decode(text)
        except (ValueError, RecursionError):
            return UNSURE
        return value if self._reads(value, _MAX_DEPTH) else UNSURE


def plain_codec(annotation: object) -> PlainCodec | None:
    """Return the codec of ``annotation``, or ``None`` if it is not made of plain types only."""
    writes = _compile(annotation, any_check=_is_json)
    reads = _compile(annotation, any_check=_is_anything)
    return None if writes is None or reads is None else PlainCodec(writes=writes, reads=reads)


def plain_object_codec(
    annotations: dict[str, Any], *, required: frozenset[str]
) -> PlainCodec | None:
    """Return the codec of an object with these keys, or ``None`` if some value is not plain."""
    writes = {name: _compile(hint, any_check=_is_json) for name, hint in annotations.items()}
    reads = {name: _compile(hint, any_check=_is_anything) for name, hint in annotations.items()}
    if None in writes.values() or None in reads.values():
        return None
    return PlainCodec(writes=_object_check(writes, required), reads=_object_check(reads, required))


def has_constants(text: str) -> bool:
    """Return whether a ``NaN`` or an ``Infinity`` stands in ``text`` outside its strings."""
    try:
        _decode(text)
    except _ConstantError:
        return True
    except (ValueError, RecursionError):
        pass  # what else is wrong, the typed way will say
    return False


def _object_check(checks: dict[str, Any], required: frozenset[str]) -> Check:
    def check(value: Any, depth: int) -> bool:
        if type(value) is not dict:
            return False
        if not required <= value.keys():
            return False
        for key, item in value.items():
            known = checks.get(key)
            if known is None or not known(item, depth):
                return False
        return True

    return check


def _compile(annotation: object, *, any_check: Check) -> Check | None:
    if annotation is Any:
        return any_check
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is None:
        return _LEAVES.get(annotation)  # with an origin it may have no hash
    if origin is list:
        item = _compile(arguments[0], any_check=any_check)
        return None if item is None else _list_check(item)
    if origin is dict and arguments[0] is str:
        item = _compile(arguments[1], any_check=any_check)
        return None if item is None else _dict_check(item)
    if origin in {Union, types.UnionType} and len(arguments) == 2 and type(None) in arguments:
        rest = next(argument for argument in arguments if argument is not type(None))
        item = _compile(rest, any_check=any_check)
        return None if item is None else _optional_check(item)
    return None


def _list_check(item: Check) -> Check:
    def check(value: Any, depth: int) -> bool:
        if type(value) is not list or depth == 0:
            return False
        depth -= 1
        for element in value:  # noqa: SIM110 - all() over a generator takes twice as long
            if not item(element, depth):
                return False
        return True

    return check


def _dict_check(item: Check) -> Check:
    def check(value: Any, depth: int) -> bool:
        if type(value) is not dict or depth == 0:
            return False
        depth -= 1
        for key, element in value.items():
            if type(key) is not str or not item(element, depth):
                return False
        return True

    return check


def _optional_check(item: Check) -> Check:
    def check(value: Any, depth: int) -> bool:
        return value is None or item(value, depth)

    return check


def _is_float(value: Any, _depth: int) -> bool:
    return type(value) is float and math.isfinite(value)


def _is_anything(_value: Any, _depth: int) -> bool:
    return True


_SAFE_SCALARS = frozenset({str, int, bool, type(None)})


def _is_json(value: Any, depth: int) -> bool:
    kind = type(value)
    if kind in _SAFE_SCALARS:
        return True
    if kind is float:
        return math.isfinite(value)
    if depth == 0:
        return False
    depth -= 1
    if kind is dict:
        for key, element in value.items():
            if type(key) is not str or not _is_json(element, depth):
                return False
        return True
    if kind is list:
        for element in value:  # noqa: SIM110 - as above
            if not _is_json(element, depth):
                return False
        return True
    return False


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_LEAVES: dict[object, Check] = {
    str: lambda value, _depth: type(value) is str,
    int: lambda value, _depth: type(value) is int,
    bool: lambda value, _depth: type(value) is bool,
    float: _is_float,
    None: lambda value, _depth: value is None,
    type(None): lambda value, _depth: value is None,
    list: lambda value, depth: type(value) is list and _is_json(value, depth),
    dict: lambda value, depth: type(value) is dict and _is_json(value, depth),
}
