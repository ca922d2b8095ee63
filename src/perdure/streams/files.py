"""A stream hub between the processes of one host: a file per stream, which subscribers follow."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
from pathlib import Path
from typing import IO, TYPE_CHECKING

from perdure.clock import SystemClock
from perdure.streams.hub import DEFAULT_MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from perdure.clock import Clock
    from perdure.streams.hub import Json

_END = b'{"kind": "end"}\n'
_CUT = b'{"kind": "cut"}\n'
_SUFFIX = ".stream"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
_FIRST_NAP_SECONDS = 0.005
_LONGEST_NAP_SECONDS = 0.1


class FileStreamHub:
    """Keeps each stream in a file of JSON lines, readable by this user alone and in plain text.

    Args:
        folder: Where; it is made if need be.
        max_bytes: How much of one stream is kept.
        keep_seconds: How long a finished stream is kept for subscribers that come late.
        abandon_seconds: After how long without a piece an unfinished one is removed.
        clock: Tells how old files are.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        max_bytes: int = DEFAULT_MAX_BYTES,
        keep_seconds: float = 300,
        abandon_seconds: float = 24 * 3600,
        clock: Clock | None = None,
    ) -> None:
        self._folder = Path(folder)
        self._max_bytes = max_bytes
        self._keep_seconds = keep_seconds
        self._abandon_seconds = abandon_seconds
        self._clock = clock or SystemClock()

    async def append(self, stream_id: str, piece: Json) -> None:
        """Add a piece. It blocks for some microseconds: nothing waits for the disk."""
        line = json.dumps(piece).encode() + b"\n"
        self._write(stream_id, line)

    async def finish(self, stream_id: str) -> None:
        """End the stream, and remove files that are old enough."""
        self._write(stream_id, _END)
        self._sweep()

    async def pieces(self, stream_id: str) -> AsyncGenerator[Json, None]:
        """Yield the pieces, looking for new ones ever more rarely while none come."""
        nap = _FIRST_NAP_SECONDS
        tail = _Tail(self._path(stream_id))
        try:
            while True:
                lines = tail.read()
                for line in lines:
                    if line == _END:
                        return
                    yield json.loads(line)
                if not lines and tail.is_removed():
                    return
                nap = _FIRST_NAP_SECONDS if lines else min(nap * 1.5, _LONGEST_NAP_SECONDS)
                await asyncio.sleep(nap)
        finally:
            tail.close()

    def _write(self, stream_id: str, line: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        descriptor = os.open(self._path(stream_id), flags, mode=0o600)
        try:
            size = os.fstat(descriptor).st_size
            if line != _END and size + len(line) > self._max_bytes:
                if size > self._max_bytes:
                    return
                # Blanks make the file longer than allowed, by which the next writer knows.
                padding = b" " * (self._max_bytes - size + 1 - len(_CUT))
                line = padding + _CUT
            # One write of an O_APPEND file is one piece, whoever else writes at the same time.
            os.write(descriptor, line)
        finally:
            os.close(descriptor)

    def _path(self, stream_id: str) -> Path:
        is_plain = _PLAIN_NAME.fullmatch(stream_id)
        name = stream_id if is_plain else hashlib.sha256(stream_id.encode()).hexdigest()
        return self._folder / f"{name}{_SUFFIX}"

    def _sweep(self) -> None:
        now_seconds = self._clock.now_us() / 1_000_000
        for path in self._folder.glob(f"*{_SUFFIX}"):
            try:
                age = now_seconds - path.stat().st_mtime
                is_old = age > self._abandon_seconds
                if is_old or (age > self._keep_seconds and _is_finished(path)):
                    path.unlink()
            except FileNotFoundError:
                continue  # Another process swept it.


class _Tail:
    """Reads what is added to a file, in whole lines."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._rest = b""

    def read(self) -> list[bytes]:
        if self._file is None:
            try:
                self._file = self._path.open("rb")
            except FileNotFoundError:
                return []
        whole, newline, rest = (self._rest + self._file.read()).rpartition(b"\n")
        self._rest = rest
        return [line + b"\n" for line in whole.split(b"\n")] if newline else []

    def is_removed(self) -> bool:
        return self._file is not None and os.fstat(self._file.fileno()).st_nlink == 0

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _is_finished(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - len(_END), 0))
        return file.read() == _END
