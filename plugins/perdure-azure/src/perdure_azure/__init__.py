"""perdure on Azure Durable Task Scheduler: the backend ``azure``, and a local stand-in for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perdure.clock import Clock
    from perdure.spi.backend import Backend

__all__ = ["create_backend"]


def create_backend(url: str, *, clock: Clock | None = None) -> Backend:
    """Return the backend of ``azure`` or ``azure://host/hub``; not opened yet.

    Raises:
        ConfigurationError: The URL, or one of the variables, cannot be used.
    """
    from perdure.clock import SystemClock
    from perdure_azure.address import parse_address
    from perdure_azure.backend import AzureBackend

    return AzureBackend(parse_address(url), clock=clock or SystemClock())
