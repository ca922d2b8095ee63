"""The driver of SQLite in a sidecar, told from the list of modules that Go puts into a program.

``modernc.org/sqlite`` before 1.41 keeps the statement of a read whose caller leaves at its very
start, and the connection goes on to show the store as it was then.
"""

from __future__ import annotations

import mmap
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

DRIVER: Final = "modernc.org/sqlite"

_MENDED: Final = (1, 41)
_LISTED: Final = re.compile(rb"\tmodernc\.org/sqlite\tv(\d+\.\d+(?:\.\d+)?)")


def driver_version(program: Path) -> str | None:
    """Return the version of the driver in ``program``; ``None`` if it lists none.

    Raises:
        OSError: It cannot be read.
    """
    with program.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        found = _LISTED.search(text)
        return found[1].decode("ascii", "replace") if found else None


def shows_old_states(version: str | None) -> bool:
    """Return whether reads with this version may show a store as it was; no if it is unknown."""
    if version is None:
        return False
    major, minor = version.split(".")[:2]
    return (int(major), int(minor)) < _MENDED
