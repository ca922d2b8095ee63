"""What a distribution says of its licence, and how the words people use map to SPDX.

Three generations of metadata: ``License-Expression`` (SPDX already), trove classifiers, and the
free ``License`` field. Each becomes a :class:`Claim`, or ``None`` if it names no licence we know.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Final

import spdx
import texts


class Source(enum.StrEnum):
    """Where a claim comes from, most trusted first."""

    EXPRESSION = "expression"
    CLASSIFIERS = "classifiers"
    FIELD = "field"
    FILES = "files"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceFile:
    """A licence file as it lies beside the metadata."""

    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """Everything a distribution ships that speaks of its licence."""

    name: str
    version: str
    expression: str = ""
    field: str = ""
    classifiers: tuple[str, ...] = ()
    files: tuple[LicenceFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One source's answer. ``is_choice_clear`` is false if it lists licences without and/or."""

    source: Source
    ids: tuple[str, ...]
    expression: spdx.Expression
    is_choice_clear: bool = True


_PREFIX: Final = "License :: "
_CLASSIFIERS: Final = {
    "Academic Free License (AFL)": "AFL-3.0",
    "Apache Software License": "Apache-2.0",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "BSD License": "BSD",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "Common Development and Distribution License 1.0 (CDDL-1.0)": "CDDL-1.0",
    "Eclipse Public License 1.0 (EPL-1.0)": "EPL-1.0",
    "Eclipse Public License 2.0 (EPL-2.0)": "EPL-2.0",
    "European Union Public Licence 1.2 (EUPL 1.2)": "EUPL-1.2",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "GNU General Public License (GPL)": "GPL",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 (LGPLv2)": "LGPL-2.0-only",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL",
    "Historical Permission Notice and Disclaimer (HPND)": "HPND",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 1.1 (MPL 1.1)": "MPL-1.1",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python License (CNRI Python License)": "CNRI-Python",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Universal Permissive License (UPL)": "UPL-1.0",
    "W3C License": "W3C",
    "zlib/libpng License": "Zlib",
    "Zope Public License": "ZPL-2.1",
}
_SAYS_NOTHING: Final = {
    "OSI Approved",
    "DFSG approved",
    "Free For Home Use",
    "Freely Distributable",
    "Freeware",
}
_WORDS: Final = {
    "apache": "Apache",
    "apache license": "Apache",
    "apache software license": "Apache-2.0",
    "boost": "BSL-1.0",
    "bsd": "BSD",
    "bsd license": "BSD",
    "bsd style": "BSD",
    "cc0": "CC0-1.0",
    "expat": "MIT",
    "gpl": "GPL",
    "isc license": "ISC",
    "iscl": "ISC",
    "lgpl": "LGPL",
    "mit license": "MIT",
    "mpl": "MPL",
    "new bsd": "BSD-3-Clause",
    "new bsd license": "BSD-3-Clause",
    "modified bsd": "BSD-3-Clause",
    "modified bsd license": "BSD-3-Clause",
    "psf": "PSF-2.0",
    "psfl": "PSF-2.0",
    "psf license": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
    "python software foundation": "PSF-2.0",
    "public domain": "",
    "simplified bsd": "BSD-2-Clause",
    "unlicense": "Unlicense",
    "zlib license": "Zlib",
}
_PATTERNS: Final = (
    (
        re.compile(r"(?:the )?apache(?: software)?(?: license)?(?: version| v)? ?2(?: 0)?"),
        "Apache-2.0",
    ),
    (re.compile(r"(?:the )?bsd (2|3|4) ?clause(?: license)?"), "BSD-{0}-Clause"),
    (re.compile(r"(2|3|4) ?clause bsd(?: license)?"), "BSD-{0}-Clause"),
    (
        re.compile(r"(?:mozilla public license|mpl)(?: version| v)? ?2(?: 0)?(?: mpl 2 0)?"),
        "MPL-2.0",
    ),
)
_GPL: Final = re.compile(
    r"(?:the )?(?:gnu )?(a|affero |l|lesser )?(?:gpl|general public license)"
    r"(?: ?version| ?v)? ?([123])(?: ([01]))?"
    r"( ?\+| or later| or newer)?"
)
_GPL_NAMES: Final = {None: "GPL", "a": "AGPL", "affero ": "AGPL", "l": "LGPL", "lesser ": "LGPL"}
_LONGEST_NAME: Final = 120


def from_expression(text: str) -> Claim | None:
    """Read ``License-Expression``; an id we do not know is kept, for a human to look at."""
    try:
        expression = spdx.parse(text)
    except spdx.ExpressionError:
        return None
    return Claim(source=Source.EXPRESSION, ids=spdx.licence_ids(expression), expression=expression)


def from_classifiers(classifiers: tuple[str, ...]) -> Claim | None:
    """Read the trove classifiers; several of them do not say whether one may choose."""
    return _several(
        Source.CLASSIFIERS,
        [_CLASSIFIERS[name] for name in licence_classifiers(classifiers) if name in _CLASSIFIERS],
    )


def licence_classifiers(classifiers: tuple[str, ...]) -> tuple[str, ...]:
    """Return what follows ``License ::`` in those that name a licence."""
    names = (
        name.removeprefix(_PREFIX).removeprefix("OSI Approved :: ")
        for name in classifiers
        if name.startswith(_PREFIX)
    )
    return tuple(name for name in names if name not in _SAYS_NOTHING)


def from_field(text: str) -> Claim | None:
    """Read the free ``License`` field: a name, an expression, or a whole licence pasted in."""
    if len(text) > _LONGEST_NAME or text.count("\n") > 1:
        return _several(Source.FIELD, list(texts.identify(text)))
    if name := spdx_name(text):
        return _several(Source.FIELD, [name])
    try:
        expression = spdx.parse(text.replace("/", " OR "))
    except spdx.ExpressionError:
        return None
    ids = spdx.licence_ids(expression)
    return (
        Claim(source=Source.FIELD, ids=ids, expression=expression)
        if all(name in spdx.KNOWN for name in ids)
        else None
    )


def from_files(files: tuple[LicenceFile, ...]) -> Claim | None:
    """Read the licence files; several licences in them may be a choice, a sum or bundled code."""
    return _several(Source.FILES, [name for file in files for name in texts.identify(file.text)])


def spdx_name(text: str) -> str:
    """Return the SPDX id or family that a few words mean, or ``""``."""
    words = re.sub(r"[^a-z0-9+]+", " ", text.lower()).strip()
    if match := _GPL.fullmatch(words):
        version = f"{match[2]}.{match[3] or '0'}"
        return spdx.canonical(
            f"{_GPL_NAMES[match[1]]}-{version}{'-or-later' if match[4] else '-only'}"
        )
    for pattern, name in _PATTERNS:
        if match := pattern.fullmatch(words):
            return name.format(*match.groups())
    for candidate in (words, words.removeprefix("the ").removesuffix(" license")):
        if candidate in _WORDS:
            return _WORDS[candidate]
        if (name := spdx.canonical(candidate.replace(" ", "-"))) in spdx.KNOWN:
            return name
    return ""


def _several(source: Source, names: list[str]) -> Claim | None:
    ids = tuple(sorted(set(names)))
    if not ids:
        return None
    parts = tuple(spdx.Licence(id=name) for name in ids)
    # Read as a sum, the careful way: what is not said to be a choice is none.
    expression = parts[0] if len(parts) == 1 else spdx.Compound(operator="AND", parts=parts)
    return Claim(source=source, ids=ids, expression=expression, is_choice_clear=len(ids) == 1)
