"""The stream of work items as the SDK's worker sees it: without what was dispatched on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from perdure.spi.remote.dispatch import DispatchedStream

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    Dispatch = Callable[[Any, DispatchedStream], bool]


class WorkStream(DispatchedStream):
    """A stream of work items that ends without complaint once its worker stops.

    Args:
        stream: gRPC's.
        dispatch: Takes an item; returns whether the SDK shall not see it.
        shutdown: Whether the worker stops.
        note_end: Told how the stream was refused, or broke.
    """

    def __init__(
        self,
        stream: Any,
        dispatch: Dispatch,
        *,
        shutdown: threading.Event,
        note_end: Callable[[Any], None],
    ) -> None:
        super().__init__(stream, dispatch)
        self._shutdown = shutdown
        self._note_end = note_end

    def __next__(self) -> Any:
        """Return the next item that is for the SDK."""
        try:
            return super().__next__()
        except grpc.RpcError as error:
            if self._shutdown.is_set():
                raise StopIteration from None
            self._note_end(error)
            raise


class DispatchedChannel:
    """A channel whose stream of work items keeps back what has been dispatched."""

    def __init__(self, channel: Any, dispatched: Callable[[Any], WorkStream]) -> None:
        self._channel = channel
        self._dispatched = dispatched

    def unary_stream(self, method: str, *args: Any, **options: Any) -> Any:
        """Return what opens a stream."""
        opening = self._channel.unary_stream(method, *args, **options)
        if not method.endswith("/GetWorkItems"):
            return opening
        return lambda *args, **options: self._dispatched(opening(*args, **options))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)
