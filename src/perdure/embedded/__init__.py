"""The embedded engine: durable workflows on one SQLite file, without a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.embedded.backup import backup

if TYPE_CHECKING:
    from perdure.clock import Clock
    from perdure.spi.backend import Backend

__all__ = ["backup", "create_backend"]


def create_backend(url: str, *, clock: Clock | None = None) -> Backend:
    """Return the backend of ``sqlite``, or of ``sqlite:///file.db`` with options; not opened yet.

    Raises:
        ConfigurationError: ``url`` is not of that form.
    """
    from perdure.clock import SystemClock
    from perdure.embedded.backend import EmbeddedBackend
    from perdure.embedded.location import parse_location

    return EmbeddedBackend(parse_location(url), clock=clock or SystemClock())
