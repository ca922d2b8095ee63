"""The folder of a run: what was asked, under which conditions, and each cell as it was found.

``run.json`` has the first two. ``cells.jsonl`` gets a line when a cell is done, so that a run that
is interrupted keeps what it has, and goes on from there.
"""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perdure_bench.cells import found_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from perdure_bench.cells import Cell, Found

FORMAT = 1
_RUN = "run.json"
_CELLS = "cells.jsonl"
_RAW = "pytest-benchmark"


class RunFolderError(Exception):
    """A folder has no run that can be read, or not the one that was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """How still the machine was before a pass.

    Attributes:
        number: Of the pass.
        spread: By how much the slow tenth of some equal pieces of work exceeded the fastest, as a
            fraction of it.
        stolen: The share of processor time that the hypervisor gave to others; 0 where unknown.
        suites: Which were measured in that part of the run.
    """

    number: int
    spread: float
    stolen: float
    suites: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run.

    Attributes:
        asked: The options that decide what is measured and how, by name.
        machine: What it ran on, by name, in words.
        backends: Versions and settings of each backend, by its name, and durability among them.
        noise: One for each time that a pass began, or was gone on with.
        cells: What was found, in the order in which it was.
        format: Of the folder.
    """

    asked: dict[str, Any]
    machine: dict[str, str]
    backends: dict[str, dict[str, str]] = field(default_factory=dict)
    noise: list[Noise] = field(default_factory=list)
    cells: list[Found] = field(default_factory=list)
    format: int = FORMAT


class RunFolder:
    """Reads and writes the folder of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, run: Run) -> None:
        """Write what is known before the first cell.

        Raises:
            OSError: It cannot be written.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        content = asdict(run)
        del content["cells"]
        temporary = self.path / f"{_RUN}.new"
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        temporary.replace(self.path / _RUN)

    def add(self, found: Found) -> None:
        """Keep what a cell gave; it is on the disk when this returns.

        Raises:
            OSError: It cannot be written.
        """
        with (self.path / _CELLS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(found.as_json()) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def mend(self) -> None:
        """Remove a last line that was cut off, so that the next one begins on its own.

        Raises:
            OSError: It cannot be written.
        """
        path = self.path / _CELLS
        if path.exists():
            whole = path.read_bytes()
            os.truncate(path, whole.rfind(b"\n") + 1)

    def raw_files(self) -> list[Path]:
        """Return the files of pytest-benchmark, the newest last."""
        return list(itertools.takewhile(Path.exists, self._raw_names()))

    def free_raw_file(self) -> Path:
        """Return where the next of them goes."""
        return next(itertools.dropwhile(Path.exists, self._raw_names()))

    def _raw_names(self) -> Iterator[Path]:
        yield self.path / f"{_RAW}.json"
        for number in itertools.count(2):
            yield self.path / f"{_RAW}-{number}.json"

    def read(self) -> Run:
        """Return the run with its cells.

        Of a cell that was measured again, the last counts. A last line that was cut off is left
        out.

        Raises:
            RunFolderError: There is none here, or it is of another format.
        """
        try:
            content: dict[str, Any] = json.loads((self.path / _RUN).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunFolderError(f"{self.path} has no run of perdure bench: {error}") from error
        if content.get("format") != FORMAT:
            raise RunFolderError(f"the run in {self.path} is of another format: measure again")
        noise = [Noise(**each) for each in content.pop("noise")]
        return Run(**content, noise=noise, cells=list(self._cells().values()))

    def _cells(self) -> Mapping[Cell, Found]:
        path = self.path / _CELLS
        cells: dict[Cell, Found] = {}
        if not path.exists():
            return cells
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
            if line.endswith("\n"):
                found = found_of(json.loads(line))
                cells[found.cell] = found
        return cells
