"""Names and ids that every backend can take, checked before any call is made.

Each check returns the text as an exact ``str``: a member of an enum that derives from ``str``
formats as something else than it compares to, and must not travel as such.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from perdure.errors import InvalidInstanceIdError, InvalidNameError

if TYPE_CHECKING:
    from collections.abc import Iterable

FunctionKind = Literal["activity", "workflow"]

RESERVED_PREFIX = "perdure."

_INSTANCE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_EVENT_NAME = re.compile(r"[a-z0-9_.-]{1,64}")
_FUNCTION_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_NAME_RULE = "use 1 to 100 of letters A to Z, digits, '_', '.' and '-'"
_RESERVED = f"names that begin with {RESERVED_PREFIX!r} are perdure's own"


def check_instance_id(instance_id: str) -> str:
    """Return ``instance_id`` if every backend can take it.

    Raises:
        InvalidInstanceIdError: It is empty, longer than 64 characters, or has others than letters,
            digits, ``_`` and ``-``.
        TypeError: It is no text.
    """
    text = _text("an instance id", instance_id)
    if not _INSTANCE_ID.fullmatch(text):
        raise InvalidInstanceIdError(instance_id=text)
    return text


def check_event_name(name: str) -> str:
    """Return ``name`` if every backend can take it as the name of an event.

    Raises:
        InvalidNameError: It is not 1 to 64 of ``a-z 0-9 _ . -`` (backends fold case), or reserved.
        TypeError: It is no text.
    """
    text = _text("an event name", name)
    if not _EVENT_NAME.fullmatch(text):
        rule = "use 1 to 64 of lower-case letters, digits, '_', '.' and '-'"
        raise InvalidNameError(kind="event", name=text, rule=rule)
    return _unreserved("event", text)


def check_function_name(kind: FunctionKind, name: str) -> str:
    """Return ``name`` if every backend can take it as the name of an activity or a workflow.

    Raises:
        InvalidNameError: It is not 1 to 100 of ``A-Z a-z 0-9 _ . -`` beginning with one of the
            first four, or reserved.
        TypeError: It is no text.
    """
    text = _text(f"the name of {_ARTICLE[kind]} {kind}", name)
    if not _FUNCTION_NAME.fullmatch(text):
        rule = (
            f"{_NAME_RULE}, and do not begin with '.' or '-'; "
            f"where the function's own name does not fit, give one: @app.{kind}(name=…)"
        )
        raise InvalidNameError(kind=kind, name=text, rule=rule)
    return _unreserved(kind, text)


def check_patch_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return ``names`` in order and without repeats, if they can name patches.

    Raises:
        InvalidNameError: One does not follow the rule for names of functions.
        TypeError: One is no text, or all are one text.
    """
    if isinstance(names, str):
        raise TypeError(f"patches is a tuple of names: write patches=({names!r},)")
    texts = dict.fromkeys(_text("the name of a patch", name) for name in names)
    for text in texts:
        if not _FUNCTION_NAME.fullmatch(text):
            raise InvalidNameError(kind="patch", name=text, rule=_NAME_RULE)
    return tuple(texts)


_ARTICLE: dict[FunctionKind, str] = {"activity": "an", "workflow": "a"}


def _text(what: str, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{what} is a str, not {type(value).__name__}")
    return str.__str__(value)


def _unreserved(kind: str, name: str) -> str:
    if name.startswith(RESERVED_PREFIX):
        raise InvalidNameError(kind=kind, name=name, rule=_RESERVED)
    return name
