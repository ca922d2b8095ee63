"""Real servers for the durable task protocol: durabletask's own in memory, and one in Go."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from durabletask.testing import create_test_backend

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = Path(__file__).parent / "server"
MAX_HISTORY = 100_000


@contextlib.contextmanager
def in_memory_server() -> Iterator[str]:
    """Run durabletask's test server and give its address. Good for what a kill must not decide."""
    logging.getLogger("durabletask").setLevel(logging.ERROR)
    backend = create_test_backend(port=(port := free_port()), max_history_size=MAX_HISTORY)
    try:
        yield f"localhost:{port}"
    finally:
        backend.stop()


class GoServer:
    """A process of durabletask-go on a SQLite file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._port = 0
        self._process: subprocess.Popen[str] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, on the same port as before if there was one."""
        self._process = subprocess.Popen(
            [built_server(), "-db", str(self._path), "-port", str(self._port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        self._port = int(self._process.stdout.readline())

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None


def built_server() -> Path:
    """Return the server's program, built if this version is not in the user's cache."""
    sources = [SOURCES / name for name in ("go.mod", "go.sum", "main.go")]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "perdure" / "servers"
    program = cache / f"durabletask-go-{digest}"
    if program.exists():
        return program
    go = shutil.which("go")
    if go is None:
        pytest.skip("the Go server cannot be built: no go on PATH")
    cache.mkdir(parents=True, exist_ok=True)
    building = cache / f"{program.name}.{os.getpid()}"
    command = [go, "build", "-mod=readonly", "-trimpath", "-o", str(building), "."]
    subprocess.run(command, cwd=SOURCES, check=True, capture_output=True)
    building.rename(program)  # whole or not at all, whoever else is building
    return program


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
