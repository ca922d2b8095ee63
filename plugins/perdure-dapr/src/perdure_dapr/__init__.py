"""perdure on Dapr Workflows: the backend ``dapr``, and a local Dapr runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perdure.clock import Clock
    from perdure.spi.backend import Backend

__all__ = ["create_backend"]


def create_backend(url: str, *, clock: Clock | None = None) -> Backend:
    """Return the backend of ``dapr`` or ``dapr://host:port``; not opened yet.

    Raises:
        ConfigurationError: The URL, or one of Dapr's variables, cannot be used.
    """
    from perdure.clock import SystemClock
    from perdure_dapr.address import parse_address
    from perdure_dapr.backend import DaprBackend

    return DaprBackend(parse_address(url), clock=clock or SystemClock())
