"""Files of JSON lines that lose no line which was written before a kill."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Any

from perdure.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


class DurableLines:
    """A file to which lines are appended, each on the disk before ``append`` returns."""

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises:
            ConfigurationError: It cannot be written.
        """
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise ConfigurationError(
                setting=f"file {path}", problem=f"cannot be written: {error}"
            ) from error
        self._end_torn_line()

    def append(self, entry: dict[str, Any]) -> None:
        """Write one line, and sync it."""
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            # A write may take only a part of a long line.
            while line:
                line = line[os.write(self._file, line) :]
            os.fsync(self._file)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _end_torn_line(self) -> None:
        # What a kill left of a line must not swallow the next one.
        size = os.fstat(self._file).st_size
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            os.write(self._file, b"\n")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the entries of the file, without a line that a kill tore; none if it is not there."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    return [entry for line in lines if (entry := _entry(line)) is not None]


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
