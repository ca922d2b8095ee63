"""How statuses look: a sign, a colour, a word. Colour is never the only difference."""

from __future__ import annotations

from perdure.types import Status

_SIGNS = {
    Status.PENDING: ("○", "o", "cyan"),
    Status.RUNNING: ("●", "*", "blue"),
    Status.SUSPENDED: ("◫", "=", "magenta"),
    Status.STALLED: ("▲", "!", "yellow"),
    Status.CONTINUED_AS_NEW: ("↻", "@", "blue"),
    Status.COMPLETED: ("✓", "+", "green"),
    Status.FAILED: ("✗", "x", "red"),
    Status.TERMINATED: ("■", "#", "yellow"),
    Status.UNKNOWN: ("?", "?", "dim"),
}


def status_style(status: Status) -> str:
    """Return the colour of a status."""
    return _SIGNS[status][2]


def status_words(status: Status, *, is_unicode: bool) -> str:
    """Return a status with its sign: ``✓ completed``."""
    sign = _SIGNS[status][0 if is_unicode else 1]
    return f"{sign} {status.value.replace('_', '-')}"
