"""The embedded engine, on a file of its own."""

from __future__ import annotations

import shutil
import sqlite3
from typing import TYPE_CHECKING

from perdure_bench.cells import FASTEST, PERDURE
from perdure_bench.places.place import Spent, Way

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SIDE = "perdure_bench.sides.perdure_side"


class EmbeddedPlace:
    """A folder with a file for SQLite.

    Args:
        folder: An empty one.
    """

    name = "embedded"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.ways: Mapping[str, Way] = {
            PERDURE: Way(module=_SIDE, environment={}),
            FASTEST: Way(
                module=_SIDE,
                environment={"PERDURE_BACKEND": f"{self.url}?synchronous=normal"},
                about="synchronous=normal: a commit outlives a killed process, and is not waited "
                "for until it is on the disk. A loss of power may cost the last ones.",
            ),
        }

    def fresh(self) -> None:
        """Remove the file."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"sqlite:///{self._file}"

    @property
    def environment(self) -> Mapping[str, str]:
        """What a program needs."""
        return {"PERDURE_BACKEND": self.url, "XDG_STATE_HOME": str(self._folder / "home")}

    def conditions(self) -> dict[str, str]:
        """Say how durable it is."""
        return {
            "engine": f"SQLite {sqlite3.sqlite_version} in the worker's process",
            "durability": "WAL, synchronous=FULL: each commit is on the disk",
        }

    def spent(self) -> dict[str, Spent]:
        """Return nothing: it has no servers."""
        return {}

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _file(self) -> Path:
        return self._folder / "bench.db"
