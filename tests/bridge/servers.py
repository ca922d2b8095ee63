"""Real servers for the durable task protocol: durabletask's own in memory, and perdure's own.

The second is the stand-in for Azure Durable Task Scheduler: durable, and killed by these tests.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import socket
from typing import TYPE_CHECKING, Final

import pytest
from durabletask.testing import create_test_backend

from perdure.stack import LOOPBACK, Stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STAND_IN: Final = "dts-stand-in"
METADATA: Final = [("taskhub", "default")]  # the server in memory does not look at it
MAX_HISTORY: Final = 100_000


@contextlib.contextmanager
def in_memory_server() -> Iterator[str]:
    """Run durabletask's test server and give its address. Good for what a kill must not decide."""
    logging.getLogger("durabletask").setLevel(logging.ERROR)
    backend = create_test_backend(port=(port := free_port()), max_history_size=MAX_HISTORY)
    try:
        yield f"localhost:{port}"
    finally:
        backend.stop()


@contextlib.contextmanager
def durable_server(folder: Path) -> Iterator[Stack]:
    """Run the stand-in on a folder of its own."""
    if shutil.which("go") is None and "PERDURE_AZURE_BIN" not in os.environ:
        pytest.skip(f"{STAND_IN} cannot be built: no go on PATH")
    stack = Stack("azure", folder, is_tied=True)
    try:
        # What DTS sells shall not decide how fast the bridge is.
        stack.up({"throttle": "off"})
        yield stack
    finally:
        stack.down()


def address_of(stack: Stack) -> str:
    """Return where the stand-in of ``stack`` is."""
    return f"{LOOPBACK}:{stack.record().ports[f'{STAND_IN}.grpc']}"


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
