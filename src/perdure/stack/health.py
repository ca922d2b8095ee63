"""Waiting until servers are ready, no longer than they have, and saying why one is not."""

from __future__ import annotations

import http.client
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perdure.stack.server import HealthCheck

_POLL_SECONDS = 0.01
_ANSWER_SECONDS = 1.0


def is_healthy(check: HealthCheck) -> bool:
    """Ask once."""
    address = urlsplit(check.url)
    connection = http.client.HTTPConnection(address.netloc, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", address.path or "/")
        return connection.getresponse().status == check.status
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def wait_healthy(
    checks: Sequence[HealthCheck], *, seconds: float, on_wait: Callable[[HealthCheck], None]
) -> list[HealthCheck]:
    """Wait until all are healthy, and return those that are not when the time is over.

    Args:
        checks: What to ask.
        seconds: How long to wait.
        on_wait: Called with each one that is not healthy, each time; may raise to end the wait.
    """
    deadline = time.monotonic() + seconds
    waiting = list(checks)
    while waiting:
        waiting = [check for check in waiting if not is_healthy(check)]
        for check in waiting:
            on_wait(check)
        if time.monotonic() >= deadline:
            break
        if waiting:
            time.sleep(_POLL_SECONDS)
    return waiting
