"""Words and numbers as people read them in a terminal, and as they write them on a command line."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhdw])+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_STEPS = ((604_800, "w"), (86_400, "d"), (3_600, "h"), (60, "m"))
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Joiners build single signs out of several, and can move nothing.
_HARMLESS = frozenset("\u200c\u200d")


def plain(text: str) -> str:
    """Return ``text`` as one line that a terminal can only show: controls are spelled out."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_spelled, text))


def plain_lines(text: str) -> str:
    """Return ``text`` like :func:`plain`, with its lines kept."""
    return "\n".join(plain(line.expandtabs(4)) for line in text.splitlines())


def short_duration(seconds: float) -> str:
    """Return a duration in at most two units: ``4ms``, ``1.2s``, ``3m 20s``, ``2d 4h``."""
    if seconds < 0:
        return f"-{short_duration(-seconds)}"
    if seconds < 0.9995:
        return f"{round(seconds * 1000)}ms" if seconds else "0s"
    if seconds < 59.95:
        return f"{seconds:.3g}s" if seconds < 10 else f"{seconds:.1f}".removesuffix(".0") + "s"
    whole = round(seconds)
    for position, (size, unit) in enumerate(_STEPS):
        if whole >= size:
            smaller, mark = _STEPS[position + 1] if position + 1 < len(_STEPS) else (1, "s")
            rest = whole % size // smaller
            return f"{whole // size}{unit}" + (f" {rest}{mark}" if rest else "")
    return f"{whole}s"


def ago(instant: datetime, *, now: datetime) -> str:
    """Return how long ago an instant was, in one unit: ``12s ago``, ``in 3h``."""
    seconds = (now - instant).total_seconds()
    size, unit = next((step for step in _STEPS if abs(seconds) >= step[0]), (1, "s"))
    count = int(abs(seconds) // size)
    if not count:
        return "now"
    return f"in {count}{unit}" if seconds < 0 else f"{count}{unit} ago"


def iso(instant: datetime) -> str:
    """Return an instant in UTC to the millisecond: ``2026-11-22T17:56:18.164Z``."""
    text = instant.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def clock_time(instant: datetime) -> str:
    """Return an instant in UTC to the second, for reading: ``2026-11-22 17:56:18Z``."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def parse_duration(text: str) -> timedelta:
    """Return what ``90s``, ``1.5h``, ``7d`` or ``1h30m`` says.

    Raises:
        ValueError: It is no duration, or too long a one.
    """
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is no duration; write for example 30s, 5m, 1h30m or 7d")
    parts = _DURATION_PART.findall(text)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    try:
        return timedelta(seconds=seconds)
    except OverflowError:
        raise ValueError(f"{text!r} is too long a time") from None


def parse_instant(text: str) -> datetime:
    """Return what ``2026-11-22T18:00:00Z`` says; without a zone it is UTC.

    Raises:
        ValueError: It is no instant.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        problem = f"{text!r} is no time; write for example 1h, or 2026-11-22T18:00:00Z"
        raise ValueError(problem) from None
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


def parse_moment(text: str) -> timedelta | datetime:
    """Return a duration or an instant.

    Raises:
        ValueError: It is neither.
    """
    return parse_duration(text) if _DURATION.fullmatch(text) else parse_instant(text)


def shortened(text: str, width: int, *, mark: str = "…") -> str:
    """Return ``text`` in at most ``width`` columns, its end cut off if need be."""
    if text.isascii() and len(text) <= width:
        return text
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(width - len(mark), 0)).rstrip() + mark


def _spelled(character: str) -> str:
    if unicodedata.category(character) not in _UNSAFE or character in _HARMLESS:
        return character
    return character.encode("unicode_escape").decode("ascii")
