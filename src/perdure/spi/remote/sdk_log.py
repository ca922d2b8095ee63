"""The log of a vendor's SDK: under perdure's, warnings only, and one line for an outage."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

_QUIET_SECONDS: Final = 30.0


def sdk_logger(
    backend: str, *, outage: tuple[str, ...], summary: str, is_debugging: bool
) -> logging.Logger:
    """Return the logger for an SDK.

    Args:
        backend: The name of the backend.
        outage: How the messages begin that the SDK repeats with every attempt to connect.
        summary: What is said in their place, once.
        is_debugging: Whether it says everything, and not warnings alone.
    """
    logger = logging.getLogger(f"perdure.{backend}.sdk")
    logger.setLevel(logging.DEBUG if is_debugging else logging.WARNING)
    for old in [each for each in logger.filters if isinstance(each, _OneLineForAnOutage)]:
        if is_debugging:
            logger.removeFilter(old)
        return logger
    if not is_debugging:
        logger.addFilter(_OneLineForAnOutage(outage, summary))
    return logger


class _OneLineForAnOutage(logging.Filter):
    """Lets the first of many equal complaints through, in short."""

    def __init__(self, outage: tuple[str, ...], summary: str) -> None:
        super().__init__()
        self._outage = outage
        self._summary = summary
        self._lock = threading.Lock()
        self._last = -_QUIET_SECONDS

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to say it."""
        if not str(record.msg).startswith(self._outage):
            return True
        with self._lock:
            now = time.monotonic()
            is_new = now - self._last > _QUIET_SECONDS
            self._last = now
        record.msg, record.args = self._summary, ()
        return is_new
