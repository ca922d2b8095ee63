"""The stored form of a payload: plain JSON as it is, or an envelope that says what was done to it.

An envelope is a JSON object whose first key is ``"$perdure"``. Nothing else ever looks like that in
storage, because a value that does is put into an envelope itself. What bears no mark is plain JSON,
whoever wrote it. The first key decides, not the bytes, so that a backend may parse the text and
write it anew.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any

from perdure.errors import PayloadError

MARK = "$perdure"
VERSION = 1

_FIRST_KEY = re.compile(r'[ \t\n\r]*\{[ \t\n\r]*("(?:[^"\\]|\\.)*")')
_PLAIN_PREFIX = f'{{"{MARK}":{VERSION},"plain":'
_REFERENCE = re.compile(r"([A-Za-z0-9_-]{1,64})/([0-9a-f]{64})")
_SPACE = frozenset(" \t\n\r{")
_SUSPECT = frozenset("$\\")


class Stored(str):
    """A payload in its stored form: no step of the pipeline may touch it again."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Where the bytes of a payload lie in the store.

    Attributes:
        root: The instance under whose prefix they are.
        digest: The SHA-256 of the bytes as they are stored, in hexadecimal digits.
        size: How many bytes there are.
    """

    root: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What the text of an envelope says: exactly one of ``plain``, ``data`` and ``reference``.

    Attributes:
        codecs: What was applied, in order.
    """

    codecs: tuple[str, ...] = ()
    plain: str | None = None
    data: bytes | None = None
    reference: Reference | None = None


def is_marked(text: str) -> bool:
    """Return whether ``text`` is an envelope. Costs next to nothing for nearly all that is not."""
    if text[:2] == '{"':
        if text[2:3] not in _SUSPECT:
            return False
    elif text[:1] not in _SPACE:
        return False
    match = _FIRST_KEY.match(text)
    if match is None:
        return False
    try:
        return bool(json.loads(match[1]) == MARK)
    except ValueError:
        return False


def escaped(text: str) -> Stored:
    """Return a plain value in an envelope, for one that looks like an envelope itself."""
    return Stored(f"{_PLAIN_PREFIX}{text}}}")


def with_data(codecs: tuple[str, ...], data: bytes) -> Stored:
    """Return the envelope that carries its bytes."""
    names = json.dumps(codecs, separators=(",", ":"))
    text = base64.b64encode(data).decode("ascii")
    return Stored(f'{{"{MARK}":{VERSION},"codecs":{names},"data":"{text}"}}')


def with_reference(codecs: tuple[str, ...], reference: Reference) -> Stored:
    """Return the envelope that says where the bytes are."""
    names = json.dumps(codecs, separators=(",", ":"))
    place = f"{reference.root}/{reference.digest}"
    return Stored(
        f'{{"{MARK}":{VERSION},"codecs":{names},"ref":"{place}","size":{reference.size}}}'
    )


def parse(text: str, *, what: str) -> Envelope:
    """Return what an envelope says.

    Raises:
        PayloadError: It is damaged, or of a newer version.
    """
    if text.startswith(_PLAIN_PREFIX) and text.endswith("}"):
        return Envelope(plain=text[len(_PLAIN_PREFIX) : -1])
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as err:
        raise _damaged(what, f"it is no JSON ({err})") from err
    version = content.get(MARK)
    if type(version) is int and version > VERSION:
        problem = f"stored in form {version}, and this perdure reads up to {VERSION}; upgrade it"
        raise PayloadError(what=what, problem=problem)
    if version != VERSION or type(version) is not int:
        raise _damaged(what, f"its version is {version!r}")
    if content.keys() == {MARK, "plain"}:
        return Envelope(plain=json.dumps(content["plain"], separators=(",", ":")))
    codecs = _codecs(content.get("codecs"), what)
    if content.keys() == {MARK, "codecs", "data"}:
        return Envelope(codecs=codecs, data=_data(content["data"], what))
    if content.keys() == {MARK, "codecs", "ref", "size"}:
        return Envelope(codecs=codecs, reference=_reference(content, what))
    raise _damaged(what, f"its keys are {', '.join(sorted(content))}")


def has_reference(text: str) -> bool:
    """Return whether an envelope's bytes lie in the store; a guess for one that is damaged."""
    try:
        return "ref" in json.loads(text)
    except (ValueError, RecursionError):
        return False


def _codecs(names: object, what: str) -> tuple[str, ...]:
    if isinstance(names, list) and all(isinstance(name, str) for name in names):
        return tuple(names)
    raise _damaged(what, "its codecs are no list of names")


def _data(data: object, what: str) -> bytes:
    if not isinstance(data, str):
        raise _damaged(what, "its data are no text")
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as err:
        raise _damaged(what, f"its data are no base64 ({err})") from err


def _reference(content: dict[str, Any], what: str) -> Reference:
    place, size = content["ref"], content["size"]
    match = _REFERENCE.fullmatch(place) if isinstance(place, str) else None
    if match is None or type(size) is not int:
        raise _damaged(what, "its reference is none")
    return Reference(root=match[1], digest=match[2], size=size)


def _damaged(what: str, detail: str) -> PayloadError:
    problem = (
        f"bears perdure's mark {MARK!r}, but cannot be read: {detail}; "
        "it was cut, altered, or not written by perdure"
    )
    return PayloadError(what=what, problem=problem)
