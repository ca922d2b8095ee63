"""SPDX: the licence ids this audit knows, and expressions made of them.

``MIT OR GPL-3.0-only WITH Classpath-exception-2.0`` becomes a small tree, so that a choice between
licences and a sum of them are told apart. Pure functions and values, nothing is read.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Final, Literal


class Copyleft(enum.IntEnum):
    """What a licence asks of those who pass the work on; larger asks for more."""

    NONE = 0
    WEAK = 1
    STRONG = 2


_PERMISSIVE: Final = """
    0BSD AFL-3.0 Apache-1.1 Apache-2.0 Artistic-2.0 BlueOak-1.0.0 BSD-1-Clause BSD-2-Clause
    BSD-3-Clause BSD-4-Clause BSL-1.0 CC0-1.0 CC-BY-3.0 CC-BY-4.0 CNRI-Python curl HPND ISC MIT
    MIT-0 NCSA PSF-2.0 PostgreSQL Python-2.0 Python-2.0.1 Unicode-3.0 Unlicense UPL-1.0 W3C WTFPL
    X11 Zlib ZPL-2.1
"""
_WEAK: Final = """
    CDDL-1.0 EPL-1.0 EPL-2.0 MPL-1.1 MPL-2.0 LGPL-2.0-only LGPL-2.0-or-later LGPL-2.1-only
    LGPL-2.1-or-later LGPL-3.0-only LGPL-3.0-or-later
"""
_STRONG: Final = """
    AGPL-3.0-only AGPL-3.0-or-later CC-BY-SA-4.0 EUPL-1.2 GPL-1.0-only GPL-1.0-or-later GPL-2.0-only
    GPL-2.0-or-later GPL-3.0-only GPL-3.0-or-later
"""

FAMILIES: Final = {
    "AGPL": Copyleft.STRONG,
    "AGPL-3.0": Copyleft.STRONG,
    "Apache": Copyleft.NONE,
    "BSD": Copyleft.NONE,
    "CDDL": Copyleft.WEAK,
    "EPL": Copyleft.WEAK,
    "GPL": Copyleft.STRONG,
    "GPL-2.0": Copyleft.STRONG,
    "GPL-3.0": Copyleft.STRONG,
    "LGPL": Copyleft.WEAK,
    "LGPL-2.0": Copyleft.WEAK,
    "LGPL-2.1": Copyleft.WEAK,
    "LGPL-3.0": Copyleft.WEAK,
    "MPL": Copyleft.WEAK,
    "PSF": Copyleft.NONE,
}
"""Names that say less than an id: GPL-3.0 as a text does not tell ``-only`` from ``-or-later``."""

KNOWN: Final = {
    name: level
    for names, level in (
        (_PERMISSIVE, Copyleft.NONE),
        (_WEAK, Copyleft.WEAK),
        (_STRONG, Copyleft.STRONG),
    )
    for name in names.split()
}
_CANONICAL: Final = {name.lower(): name for name in KNOWN}
_TOKEN: Final = re.compile(r"\s*(\(|\)|[A-Za-z0-9.:+-]+)")
_MAX_DEPTH: Final = 50


class ExpressionError(ValueError):
    """A text that is not an SPDX expression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """One licence; ``id`` is kept as written if it is none we know."""

    id: str
    exception: str = ""

    def __str__(self) -> str:
        return f"{self.id} WITH {self.exception}" if self.exception else self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Compound:
    """Licences that hold together (``AND``), or of which one may be chosen (``OR``)."""

    operator: Literal["AND", "OR"]
    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        inner = (f"({part})" if isinstance(part, Compound) else str(part) for part in self.parts)
        return f" {self.operator} ".join(inner)


Expression = Licence | Compound


def parse(text: str) -> Expression:
    """Read an expression; ids and operators in any case, ids come out as SPDX writes them.

    Raises:
        ExpressionError: ``text`` is not one.
    """
    tokens, position = [], 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise ExpressionError(
                f"{text[position:].strip()[0]!r} has no place in a licence expression"
            )
        tokens.append(match[1])
        position = match.end()
    reader = _Reader(tokens)
    expression = reader.either(0)
    if reader.peek():
        raise ExpressionError(f"{reader.peek()!r} was not expected")
    return expression


def licence_ids(expression: Expression) -> tuple[str, ...]:
    """Return the ids in an expression, each once, in order."""
    if isinstance(expression, Licence):
        return (expression.id,)
    return tuple(dict.fromkeys(name for part in expression.parts for name in licence_ids(part)))


def copyleft_of(expression: Expression) -> Copyleft:
    """Return what an expression asks at least: of a choice the mildest, of a sum the strictest."""
    if isinstance(expression, Licence):
        level = KNOWN.get(expression.id, FAMILIES.get(expression.id, Copyleft.NONE))
        return min(level, Copyleft.WEAK) if expression.exception else level
    levels = [copyleft_of(part) for part in expression.parts]
    return min(levels) if expression.operator == "OR" else max(levels)


def same_licence(one: str, other: str) -> bool:
    """Return whether two names can mean one licence: ``BSD`` and ``BSD-3-Clause`` can."""
    short, long = sorted((one, other), key=len)
    return (
        short == long
        or (short in FAMILIES and long.startswith(f"{short}-"))
        or {one, other} == {"PSF-2.0", "Python-2.0"}
    )


def canonical(name: str) -> str:
    """Return an id as SPDX writes it; the older ``GPL-3.0`` and ``GPL-3.0+`` in today's form."""
    lower = name.lower()
    for written in (
        lower,
        f"{lower.removesuffix('+')}-or-later" if lower.endswith("+") else f"{lower}-only",
    ):
        if written in _CANONICAL:
            return _CANONICAL[written]
    return name


class _Reader:
    """Recursive descent over the tokens: OR binds weakest, WITH strongest."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._next = 0

    def peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def either(self, depth: int) -> Expression:
        parts = [self._both(depth)]
        while self._accept("OR"):
            parts.append(self._both(depth))
        return _joined("OR", parts)

    def _both(self, depth: int) -> Expression:
        parts = [self._one(depth)]
        while self._accept("AND"):
            parts.append(self._one(depth))
        return _joined("AND", parts)

    def _one(self, depth: int) -> Expression:
        if depth > _MAX_DEPTH:
            raise ExpressionError("too many parentheses")
        if self._accept("("):
            inner = self.either(depth + 1)
            if not self._accept(")"):
                raise ExpressionError("a parenthesis is not closed")
            return inner
        name = self._name()
        return Licence(id=canonical(name), exception=self._name() if self._accept("WITH") else "")

    def _accept(self, token: str) -> bool:
        found = self.peek().upper() == token
        self._next += found
        return found

    def _name(self) -> str:
        token = self.peek()
        if not token or token.upper() in {"AND", "OR", "WITH", "(", ")"}:
            raise ExpressionError(f"a licence id was expected, not {token or 'the end'!r}")
        self._next += 1
        return token


def _joined(operator: Literal["AND", "OR"], parts: list[Expression]) -> Expression:
    if len(parts) == 1:
        return parts[0]
    flat: list[Expression] = []
    for part in parts:
        flat.extend(
            part.parts if isinstance(part, Compound) and part.operator == operator else (part,)
        )
    return Compound(operator=operator, parts=tuple(dict.fromkeys(flat)))
