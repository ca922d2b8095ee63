"""The documents that the team reads: this repository's Markdown files in ``docs``, no others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).parents[2] / "docs"
_HEADING: Final = re.compile(r"^#+ +(?P<title>.+)$")
_MAX_MATCHES: Final = 8


class NoSuchDocumentError(LookupError):
    """There is no such document, or no such section in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A line in which words were found."""

    document: str
    section: str
    line: str


def names() -> list[str]:
    """Return the names of all documents."""
    paths = (path for path in DOCS.rglob("*.md") if _is_inside(path))
    return sorted(path.relative_to(DOCS).as_posix() for path in paths)


def search(words: str) -> list[Match]:
    """Return the first lines, over all documents, that have all the words."""
    wanted = words.lower().split()
    found = [
        Match(document=name, section=section, line=line.strip())
        for name in names()
        for section, lines in _sections(name).items()
        for line in lines
        if wanted and all(word in line.lower() for word in wanted)
    ]
    return found[:_MAX_MATCHES]


def section(name: str, title: str) -> str:
    """Return a section of a document, without what stands under further headings.

    Raises:
        NoSuchDocumentError: There is none.
    """
    sections = _sections(name)
    if title not in sections:
        known = ", ".join(sections)
        raise NoSuchDocumentError(f"{name} has no section {title!r}; it has: {known}")
    return "\n".join(sections[title]).strip()


def _sections(name: str) -> dict[str, list[str]]:
    """Return the lines of a document under each of its headings."""
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    is_code = False
    for line in _text(name).splitlines():
        is_code ^= line.startswith("```")
        heading = None if is_code else _HEADING.match(line)
        if heading:
            lines = sections.setdefault(heading["title"], [])
        else:
            lines.append(line)
    return sections


def _text(name: str) -> str:
    path = DOCS / name
    if path.suffix != ".md" or not path.is_file() or not _is_inside(path):
        raise NoSuchDocumentError(f"there is no document {name!r}; there are: {', '.join(names())}")
    return path.read_text(encoding="utf-8")


def _is_inside(path: Path) -> bool:
    """Return whether a path leads to a file of the documents, links and dots followed."""
    return path.resolve().is_relative_to(DOCS.resolve())
