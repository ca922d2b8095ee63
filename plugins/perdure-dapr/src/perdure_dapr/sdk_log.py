"""The SDK's log: under perdure's, warnings only, and one line for a sidecar that is away."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import Final

from perdure.config import LOG_VARIABLE

logger: Final = logging.getLogger("perdure.dapr.sdk")

# What the SDK says with every attempt to connect, several times a second.
_OUTAGE: Final = (
    "Failed to create connection",
    "Connection failed, retrying",
    "Connection error",
    "Stream reader: RPC error",
)
_QUIET_SECONDS: Final = 30.0


def set_up_log() -> None:
    """Say warnings, or everything where ``PERDURE_LOG`` is ``debug``. May be called twice."""
    is_debugging = os.environ.get(LOG_VARIABLE, "").lower() == "debug"
    logger.setLevel(logging.DEBUG if is_debugging else logging.WARNING)
    if is_debugging:
        logger.removeFilter(_one_line)
    else:
        logger.addFilter(_one_line)


class _OneLineForAnOutage(logging.Filter):
    """Lets the first of many equal complaints through, in short."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._last = -_QUIET_SECONDS

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to say it."""
        if not str(record.msg).startswith(_OUTAGE):
            return True
        with self._lock:
            now = time.monotonic()
            is_new = now - self._last > _QUIET_SECONDS
            self._last = now
        record.msg, record.args = "the sidecar is away; connecting until it is back", ()
        return is_new


_one_line: Final = _OneLineForAnOutage()
