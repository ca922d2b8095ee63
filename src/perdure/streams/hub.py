"""What a stream hub is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

Json = dict[str, Any]

DEFAULT_MAX_BYTES = 16 * 1024 * 1024


class StreamHub(Protocol):
    """Where streams are kept while they are live, each as a list of JSON objects.

    All methods may be called from any event loop and thread. A stream that is too long ends with
    the piece ``{"kind": "cut"}``: the hub keeps no more of it.
    """

    async def append(self, stream_id: str, piece: Json) -> None:
        """Add a piece, behind those that are there. One that is too much may be left out."""

    async def finish(self, stream_id: str) -> None:
        """End the stream. It may be called twice; what is appended later may be left out."""

    def pieces(self, stream_id: str) -> AsyncGenerator[Json, None]:
        """Yield the pieces from the first one on, until the stream is finished.

        One that has not begun is waited for, so whoever listens must know when to stop.
        """
