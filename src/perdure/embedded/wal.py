"""How much of the write-ahead log is in use; the size of its file does not say, for that is kept.

A log is overwritten from its start, and each round has salts of its own, in the header and in every
frame. So the frames of the present round come first, and their end is found by bisection.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_HEADER_BYTES: Final = 32
_FRAME_HEADER_BYTES: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class WalUse:
    """What is in use of a log. ``salts`` change when it is started anew; empty if there is none."""

    salts: bytes = b""
    frames: int = 0
    size_bytes: int = 0


def measure(path: Path) -> WalUse:
    """Return what is in use of the log of the database ``path``.

    Opening and closing the log is harmless, unlike the database or its shared index: it bears no
    locks.

    Raises:
        OSError: It cannot be read.
    """
    try:
        descriptor = os.open(f"{path}-wal", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return WalUse()
    try:
        return _measure(descriptor)
    finally:
        os.close(descriptor)


def _measure(descriptor: int) -> WalUse:
    header = os.pread(descriptor, _HEADER_BYTES, 0)
    if len(header) < _HEADER_BYTES:
        return WalUse()
    frame_bytes = _FRAME_HEADER_BYTES + int.from_bytes(header[8:12], "big")
    salts = header[16:24]
    low, high = 0, (os.fstat(descriptor).st_size - _HEADER_BYTES) // frame_bytes
    while low < high:
        middle = (low + high) // 2
        if os.pread(descriptor, 8, _HEADER_BYTES + middle * frame_bytes + 8) == salts:
            low = middle + 1
        else:
            high = middle
    return WalUse(salts=salts, frames=low, size_bytes=_HEADER_BYTES + low * frame_bytes)
