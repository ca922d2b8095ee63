"""Checks of option values, for callers that no type checker has read."""

from __future__ import annotations

from datetime import timedelta


def check_timeout(timeout: timedelta | None, *, may_be_zero: bool = False) -> timedelta | None:
    """Return ``timeout`` if it can be one; ``None`` is no limit.

    Raises:
        TypeError: It is no ``timedelta``.
        ValueError: It is negative, or zero where that means nothing.
    """
    if timeout is None:
        return None
    if not isinstance(timeout, timedelta):
        raise TypeError(f"a timeout is a datetime.timedelta, not {type(timeout).__name__}")
    if timeout < timedelta() or not (timeout or may_be_zero):
        raise ValueError(f"a timeout must be positive, got {timeout!r}")
    return timeout


def check_choice(option: str, value: object, choices: tuple[str, ...]) -> None:
    """Check that ``value`` is one of ``choices``.

    Raises:
        ValueError: It is not.
    """
    if value not in choices:
        known = " or ".join(repr(choice) for choice in choices)
        raise ValueError(f"{option} is {known}, not {value!r}")
