"""Where a demo keeps its state, and on which backend it plays."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from perdure import stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EMBEDDED: Final = "sqlite"
_BACKEND: Final = "PERDURE_BACKEND"
_USER_STATE: Final = "XDG_STATE_HOME"
_START_SECONDS: Final = 60.0


class StageTakenError(RuntimeError):
    """Another demo runs in this folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The files of one demo, all in one folder."""

    folder: Path

    @property
    def hub(self) -> Path:
        """The folder of the embedded engine's file, and of what workers keep."""
        return self.folder / "hub"

    @property
    def files(self) -> Path:
        """The folder of what the example's tools keep."""
        return self.folder / "files"

    @property
    def journal(self) -> Path:
        """What the tools wrote."""
        return self.folder / "tools.jsonl"

    @property
    def model_log(self) -> Path:
        """What the scripted model wrote."""
        return self.folder / "scripted-model.jsonl"

    @property
    def log(self) -> Path:
        """What the workers said."""
        return self.folder / "workers.log"

    @property
    def proof(self) -> Path:
        """The comparison as JSON."""
        return self.folder / "proof.json"


def backends() -> list[str]:
    """Return the backends that a demo can bring up here, the embedded engine first."""
    return [EMBEDDED, *stack.installed_stacks()]


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
        for made in (stage.hub, stage.files):
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir()
        for path in (stage.journal, stage.model_log, stage.log, stage.proof):
            path.unlink(missing_ok=True)
        yield stage


@contextlib.contextmanager
def on_backend(name: str | None, stage: Stage, tell: stack.Tell) -> Iterator[str]:
    """Point perdure in this process and its children to a backend, and yield what it is, in words.

    Servers are there until the block ends, and never outlive this process.

    Args:
        name: One of :func:`backends`; without it, what PERDURE_BACKEND says, else the embedded
            engine.
        stage: Where files go. What an earlier demo has left on the servers is removed.
        tell: Takes words for the user while servers are built and started.

    Raises:
        perdure.PerdureError: The servers cannot be built or started.
    """
    if name is None and (given := os.environ.get(_BACKEND)):
        yield f"backend {given.partition(':')[0]}, as {_BACKEND} says"
    elif name in (None, EMBEDDED):
        os.environ[_BACKEND] = f"sqlite:///{stage.hub / 'agents.db'}"
        yield f"backend {EMBEDDED}: the embedded engine, one file"
    else:
        with _servers(str(name), stage, tell) as words:
            yield words


@contextlib.contextmanager
def _servers(name: str, stage: Stage, tell: stack.Tell) -> Iterator[str]:
    servers = stack.Stack(name, stage.folder / "servers" / name, is_tied=True, tell=tell)
    # A run that was broken off would go on, and write into the journal of this one.
    servers.down(is_state_purged=True)
    tell(f"starting the servers of {name}")
    servers.up(wait_seconds=_START_SECONDS)
    try:
        os.environ.update(servers.environment)
        os.environ[_USER_STATE] = str(stage.hub)
        record = servers.record()
        parts = (part.server.name for part in record.servers)
        listed = ", ".join(f"{part} {record.versions.get(part, '')}".rstrip() for part in parts)
        yield f"backend {name}: {listed}, on loopback"
    finally:
        servers.down()
