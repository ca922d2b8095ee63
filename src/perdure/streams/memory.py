"""A stream hub within one process: for workers and subscribers that share it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from perdure.streams.hub import DEFAULT_MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from perdure.streams.hub import Json


class MemoryStreamHub:
    """Keeps streams in memory.

    Args:
        max_bytes: How much of one stream is kept.
        keep_finished: How many finished streams are kept for subscribers that come late.
        max_streams: How many streams there are at most; the oldest ends when there are more.
    """

    def __init__(
        self,
        *,
        max_bytes: int = DEFAULT_MAX_BYTES,
        keep_finished: int = 64,
        max_streams: int = 4096,
    ) -> None:
        self._max_bytes = max_bytes
        self._keep_finished = keep_finished
        self._max_streams = max_streams
        self._streams: OrderedDict[str, _Stream] = OrderedDict()
        # Workers and subscribers may run on different event loops in different threads.
        self._lock = threading.Lock()

    async def append(self, stream_id: str, piece: Json) -> None:
        """Add a piece."""
        with self._lock:
            stream = self._stream(stream_id)
            if stream.is_finished or stream.size > self._max_bytes:
                return
            # Through JSON, as with every other hub: nothing is shared with the publisher.
            text = json.dumps(piece)
            stream.size += len(text)
            is_over = stream.size > self._max_bytes
            stream.texts.append('{"kind": "cut"}' if is_over else text)
            stream.wake()

    async def finish(self, stream_id: str) -> None:
        """End the stream."""
        with self._lock:
            self._stream(stream_id).finish()
            finished = [key for key, stream in self._streams.items() if stream.is_finished]
            for key in finished[: max(len(finished) - self._keep_finished, 0)]:
                del self._streams[key]

    async def pieces(self, stream_id: str) -> AsyncGenerator[Json, None]:
        """Yield the pieces."""
        with self._lock:
            stream = self._stream(stream_id)
        place = 0
        while True:
            with self._lock:
                texts = stream.texts[place:]
                is_last = stream.is_finished
                woken = None if texts or is_last else stream.waiter()
            for text in texts:
                yield json.loads(text)
            place += len(texts)
            if woken is not None:
                await woken.wait()
            elif is_last:
                return

    def _stream(self, stream_id: str) -> _Stream:
        stream = self._streams.get(stream_id)
        if stream is None:
            stream = self._streams[stream_id] = _Stream()
            while len(self._streams) > self._max_streams:
                self._streams.popitem(last=False)[1].finish()
        return stream


@dataclass
class _Stream:
    texts: list[str] = field(default_factory=list)
    size: int = 0
    is_finished: bool = False
    waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = field(default_factory=list)

    def waiter(self) -> asyncio.Event:
        event = asyncio.Event()
        self.waiters.append((asyncio.get_running_loop(), event))
        return event

    def finish(self) -> None:
        self.is_finished = True
        self.wake()

    def wake(self) -> None:
        waiters, self.waiters = self.waiters, []
        for loop, event in waiters:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)
