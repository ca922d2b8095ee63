"""Lengths of time as an option states them, and as the stand-in's program reads them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_UNITS: Final = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_DURATION: Final = re.compile(rf"([0-9]{{1,9}})({'|'.join(_UNITS)})")


def read_duration(text: str) -> timedelta | None:
    """Return what ``30ms``, ``2s``, ``5m``, ``720h``, ``30d`` or ``0`` means, else ``None``."""
    if text == "0":
        return timedelta()
    match = _DURATION.fullmatch(text)
    return int(match[1]) * _UNITS[match[2]] if match else None


def go_duration(duration: timedelta) -> str:
    """Return ``duration``, of whole milliseconds, as Go reads it."""
    return f"{duration // timedelta(milliseconds=1)}ms"
