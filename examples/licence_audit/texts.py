"""Recognise licences by the words of their text.

A licence file is compared by phrases that only that licence has, after case, line breaks,
punctuation and quotes are taken out. A file may hold several licences, one after the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MAX_CHARACTERS: Final = 400_000
"""More of a file is not looked at: a licence says its name early, bundles of them included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """All of ``has`` and none of ``lacks`` must be in a text. Phrases are normalised already."""

    id: str
    has: tuple[str, ...]
    lacks: tuple[str, ...] = ()


_REDISTRIBUTION: Final = "redistribution and use in source and binary forms"
_ENDORSE: Final = "used to endorse or promote products derived from"
_ADVERTISING: Final = "all advertising materials mentioning features or use of this software"
_IN_BINARY: Final = "redistributions in binary form must reproduce the above copyright notice"
_ISC: Final = (
    "permission to use copy modify and or distribute this software for any purpose with or without "
    "fee is hereby granted"
)
_ISC_OLD: Final = _ISC.replace("and or distribute", "and distribute")
_NOTICE_KEPT: Final = (
    "provided that the above copyright notice and this permission notice appear in all copies"
)
_LATER: Final = "or at your option any later version"

FINGERPRINTS: Final = (
    Fingerprint(
        id="MIT",
        has=(
            "permission is hereby granted free of charge to any person obtaining a copy",
            "the above copyright notice and this permission notice shall be included in all",
        ),
    ),
    Fingerprint(
        id="MIT-0",
        has=("permission is hereby granted free of charge to any person obtaining a copy",),
        lacks=(
            "the above copyright notice and this permission notice",
            "redistributions of source code must retain",
            "copyright notices in the software and this entire statement",
        ),
    ),
    Fingerprint(id="BSD-4-Clause", has=(_REDISTRIBUTION, _ADVERTISING)),
    Fingerprint(id="BSD-3-Clause", has=(_REDISTRIBUTION, _ENDORSE), lacks=(_ADVERTISING,)),
    Fingerprint(
        id="BSD-2-Clause", has=(_REDISTRIBUTION, _IN_BINARY), lacks=(_ENDORSE, _ADVERTISING)
    ),
    Fingerprint(id="ISC", has=(_ISC, _NOTICE_KEPT)),
    Fingerprint(id="ISC", has=(_ISC_OLD, _NOTICE_KEPT)),
    Fingerprint(id="0BSD", has=(f"{_ISC} the software is provided",)),
    Fingerprint(
        id="Apache-2.0", has=("apache license version 2 0 january 2004", "grant of patent license")
    ),
    Fingerprint(id="Apache-2.0", has=("licensed under the apache license version 2 0",)),
    Fingerprint(id="MPL-2.0", has=("mozilla public license version 2 0", "covered software")),
    Fingerprint(id="MPL-2.0", has=("subject to the terms of the mozilla public license v 2 0",)),
    Fingerprint(id="MPL-1.1", has=("mozilla public license version 1 1",)),
    Fingerprint(
        id="PSF-2.0", has=("this license agreement is between the python software foundation",)
    ),
    Fingerprint(id="GPL-2.0", has=("gnu general public license version 2 june 1991",)),
    Fingerprint(id="GPL-3.0", has=("gnu general public license version 3 29 june 2007",)),
    Fingerprint(id="LGPL-2.0", has=("gnu library general public license version 2 june 1991",)),
    Fingerprint(
        id="LGPL-2.1", has=("gnu lesser general public license version 2 1 february 1999",)
    ),
    Fingerprint(id="LGPL-3.0", has=("gnu lesser general public license version 3 29 june 2007",)),
    Fingerprint(
        id="AGPL-3.0", has=("gnu affero general public license version 3 19 november 2007",)
    ),
    Fingerprint(id="EPL-2.0", has=("eclipse public license v 2 0", "contributor")),
    Fingerprint(
        id="Unlicense",
        has=("this is free and unencumbered software released into the public domain",),
    ),
    Fingerprint(id="CC0-1.0", has=("cc0 1 0 universal",)),
    Fingerprint(id="BSL-1.0", has=("boost software license version 1 0",)),
    Fingerprint(
        id="Zlib",
        has=(
            "will the authors be held liable for any damages arising from the use of this software",
            "altered source versions must be plainly marked as such",
        ),
    ),
    Fingerprint(
        id="HPND",
        has=(
            "distribute this software and its documentation for any purpose and without fee",
            "not be used in advertising or publicity pertaining to distribution",
        ),
    ),
    Fingerprint(id="WTFPL", has=("do what the fuck you want to public license",)),
)

_GPL_NOTICE: Final = re.compile(
    r"gnu (lesser |library |affero |)general public license as published by "
    r".{0,60}?version (\d)( \d)?\b"
)
_GPL_NAMES: Final = {"": "GPL", "affero ": "AGPL", "lesser ": "LGPL", "library ": "LGPL"}
_NOT_A_WORD: Final = re.compile(r"[^a-z0-9]+")


def normalised(text: str) -> str:
    """Return the words of a text in lower case with single blanks between them."""
    return _NOT_A_WORD.sub(" ", text[:MAX_CHARACTERS].lower()).strip()


def identify(text: str) -> tuple[str, ...]:
    """Return the SPDX ids (or ``spdx.FAMILIES``) whose text is in ``text``, sorted."""
    words = normalised(text)
    found = {
        mark.id
        for mark in FINGERPRINTS
        if all(phrase in words for phrase in mark.has)
        and not any(phrase in words for phrase in mark.lacks)
    }
    return tuple(sorted(found or _notice(words)))


def _notice(words: str) -> set[str]:
    """Read a short notice that points to the GPL; the full texts quote one as an example."""
    match = _GPL_NOTICE.search(words)
    if match is None:
        return set()
    version = f"{match[2]}.{(match[3] or '0').strip()}"
    return {f"{_GPL_NAMES[match[1]]}-{version}-{'or-later' if _LATER in words else 'only'}"}
