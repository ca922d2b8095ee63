"""Where a demo plays: on the embedded engine's file, or on local servers that it brings up."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

from perdure import stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stage import Stage

EMBEDDED: Final = "sqlite"
_BACKEND: Final = "PERDURE_BACKEND"
_USER_STATE: Final = "XDG_STATE_HOME"
_START_SECONDS: Final = 60.0


def names() -> list[str]:
    """Return the backends that a demo can bring up here, the embedded engine first."""
    return [EMBEDDED, *stack.installed_stacks()]


@contextlib.contextmanager
def opened(name: str | None, stage: Stage, tell: stack.Tell) -> Iterator[str]:
    """Point perdure in this process and its children to a backend, and yield what it is, in words.

    Servers are there until the block ends, and never outlive this process.

    Args:
        name: One of :func:`names`; without it, what PERDURE_BACKEND says, else the embedded engine.
        stage: Where files go. What an earlier demo has left on the servers is removed.
        tell: Takes words for the user while servers are built and started.

    Raises:
        perdure.PerdureError: The servers cannot be built or started.
    """
    if name is None and (given := os.environ.get(_BACKEND)):
        yield f"backend {given.partition(':')[0]}, as {_BACKEND} says"
    elif name in (None, EMBEDDED):
        os.environ[_BACKEND] = f"sqlite:///{stage.database}"
        yield f"backend {EMBEDDED}: the embedded engine, one file"
    else:
        with _servers(str(name), stage, tell) as words:
            yield words


@contextlib.contextmanager
def _servers(name: str, stage: Stage, tell: stack.Tell) -> Iterator[str]:
    servers = stack.Stack(name, stage.folder / "servers" / name, is_tied=True, tell=tell)
    # An audit that was broken off would go on, and write into the evidence of this one.
    servers.down(is_state_purged=True)
    tell(f"starting the servers of {name}")
    servers.up(wait_seconds=_START_SECONDS)
    try:
        os.environ.update(servers.environment)
        os.environ[_USER_STATE] = str(stage.database.parent)
        yield f"backend {name}: {_listed(servers.record())}, on loopback"
    finally:
        servers.down()


def _listed(record: stack.StackRecord) -> str:
    parts = (part.server.name for part in record.servers)
    return ", ".join(f"{part} {record.versions.get(part, '')}".rstrip() for part in parts)
