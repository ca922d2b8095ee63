"""What a process listens on, as the kernel says it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOPBACK: Final = "tcp 0100007F:"  # 127.0.0.1, the least byte first


def listeners(pid: int) -> Iterator[str]:
    """Yield the address of every socket that a process listens on, as the kernel writes it."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        inodes.add(os.readlink(entry).removeprefix("socket:[").rstrip("]"))
    for table in ("tcp", "tcp6", "udp", "udp6"):
        lines = Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]
        for fields in map(str.split, lines):
            is_open = fields[3] == "0A" or table.startswith("udp")
            if is_open and fields[9] in inodes:
                yield f"{table} {fields[1]}"
