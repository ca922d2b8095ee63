"""Attempts of a call: the pause before another, and the errors that say whether there is one."""

from __future__ import annotations

import asyncio
from typing import Final

from perdure.errors import BackendUnavailableError

_FIRST_SECONDS: Final = 0.01
_LONGEST_SECONDS: Final = 0.5
_MOST_DOUBLINGS: Final = 10


class ClosedError(BackendUnavailableError):
    """The backend is not open, or no longer; there is nothing to try again."""

    def __init__(self, *, backend: str) -> None:
        super().__init__(backend=backend, problem="it is not open")


class NoAnswerError(BackendUnavailableError):
    """The server went away, or did not answer in time.

    Attributes:
        was_sent: Whether the call may have taken effect.
        is_late: Whether it was the time that ran out.
    """

    def __init__(
        self, *, backend: str, problem: str, was_sent: bool, is_late: bool = False
    ) -> None:
        super().__init__(backend=backend, problem=problem)
        self.was_sent = was_sent
        self.is_late = is_late


async def pause_before_attempt(number: int) -> None:
    """Wait before a call is made again: a moment before attempt 1, and then longer."""
    seconds = _FIRST_SECONDS * 2 ** min(number - 1, _MOST_DOUBLINGS)
    await asyncio.sleep(min(seconds, _LONGEST_SECONDS))
