"""What the servers of a stack have logged, and what they go on to log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from perdure.cli.results import write_records
from perdure.cli.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from perdure.cli.shell import Shell

_POLL_SECONDS = 0.2
_PIECE_BYTES = 1024 * 1024


def write_logs(shell: Shell, paths: Mapping[str, Path], *, is_followed: bool) -> None:
    """Write the logs one after the other; then, if they are followed, each line as it comes."""
    readers = [_Reader(name, path) for name, path in paths.items()]
    width = max(len(name) for name in paths)
    while True:
        for reader in readers:
            for line in reader.lines():
                _write(shell, reader.name, line, width if len(readers) > 1 else 0)
        if not is_followed:
            return
        time.sleep(_POLL_SECONDS)


class _Reader:
    """Reads a file that grows, line by line, and begins anew when another takes its place."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path
        self._read_bytes = 0
        self._identity = 0
        self._rest = b""

    def lines(self) -> Iterator[str]:
        """Return the whole lines that have come since the last time."""
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return
        with file:
            identity = self._path.stat().st_ino
            if identity != self._identity:
                self._identity, self._read_bytes, self._rest = identity, 0, b""
            file.seek(self._read_bytes)
            while piece := file.read(_PIECE_BYTES):
                self._read_bytes += len(piece)
                *whole, self._rest = (self._rest + piece).split(b"\n")
                for line in whole:
                    yield line.decode("utf-8", errors="replace")


def _write(shell: Shell, name: str, line: str, width: int) -> None:
    if not shell.is_for_people:
        write_records(shell, [{"process": name, "line": line}], key="line")
    elif width:
        shell.out.pieces((f"{name:<{width}} | ", "dim"), (plain(line), ""))
    else:
        shell.out.line(plain(line))
