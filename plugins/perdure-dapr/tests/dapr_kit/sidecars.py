"""Lonely sidecars for tests, which lack something."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from perdure_dapr.stack import DaprStack

_PORTS = ("http", "grpc", "internal", "metrics")


@contextlib.contextmanager
def lonely_sidecar(
    stack: DaprStack, folder: Path, *, without: tuple[str, ...] = ()
) -> Iterator[str]:
    """Run a sidecar beside a stack's, without some of its flags, and return its URL."""
    (server,) = (part.server for part in stack.record().servers if part.server.name == "daprd")
    ports = {name: _free_port() for name in _PORTS}
    changed: dict[str, int | str] = {
        "--dapr-http-port": ports["http"],
        "--dapr-grpc-port": ports["grpc"],
        "--dapr-internal-grpc-port": ports["internal"],
        "--metrics-port": ports["metrics"],
        "--app-id": "lonely",
    }
    command = list(_changed(server.command, changed, without))
    environment = {**os.environ, **server.environment, "DAPR_HOST_IP": "127.0.0.1"}
    with (folder / "lonely.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _wait_for(ports["grpc"])
        yield f"dapr://127.0.0.1:{ports['grpc']}"
    finally:
        process.kill()
        process.wait()


def _changed(
    command: tuple[str, ...], changed: dict[str, int | str], without: tuple[str, ...]
) -> Iterator[str]:
    words = iter(command)
    for word in words:
        flag, mark, _ = word.partition("=")
        if flag in without or flag in changed:
            if not mark:
                next(words)
            if flag in changed:
                yield f"{flag}={changed[flag]}"
        else:
            yield word


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")
