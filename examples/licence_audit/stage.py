"""Where a demo keeps its state: one folder, emptied at the start, used by one demo at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import evidence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class StageTakenError(RuntimeError):
    """Another demo runs in this folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The files of one demo."""

    folder: Path

    @property
    def database(self) -> Path:
        """The embedded engine's file, where that is the backend."""
        return self.folder / "hub" / "audit.db"

    @property
    def evidence(self) -> Path:
        """What the activities wrote."""
        return self.folder / "evidence.jsonl"

    @property
    def log(self) -> Path:
        """What the workers said."""
        return self.folder / "workers.log"

    @property
    def report(self) -> Path:
        """The audit as HTML."""
        return self.folder / "report.html"

    @property
    def proof(self) -> Path:
        """The comparison as JSON."""
        return self.folder / "proof.json"

    def settle(self) -> None:
        """Point the activities of this process and its children to this folder."""
        os.environ[evidence.VARIABLE] = str(self.evidence)


@contextlib.contextmanager
def taken(folder: Path) -> Iterator[Stage]:
    """Take the folder, emptied of the last demo; it is free again when the process has ended.

    Raises:
        StageTakenError: Another demo has it.
        OSError: It cannot be made or written.
    """
    stage = Stage(folder=folder.resolve())
    stage.folder.mkdir(parents=True, exist_ok=True)
    with (stage.folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise StageTakenError(
                f"another demo runs in {folder}; wait for it, or use --state FOLDER"
            ) from err
        shutil.rmtree(stage.database.parent, ignore_errors=True)
        stage.database.parent.mkdir()
        for path in (stage.evidence, stage.log, stage.report, stage.proof):
            path.unlink(missing_ok=True)
        yield stage
