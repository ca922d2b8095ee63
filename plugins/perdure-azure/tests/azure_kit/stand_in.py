"""The stand-in server as a process: built once per user, run on a folder, killed as tests like."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import urllib.request
from typing import TYPE_CHECKING, Any, Final

from perdure_azure.stack.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FOREVER: Final = 10.0
_logger = logging.getLogger(__name__)


def built_stand_in() -> Path:
    """Return the program; this version of its sources is built once for each user."""
    return find_program(environment=os.environ, tell=_logger.info).path


class StandIn:
    """A process of the stand-in on a folder of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._arguments = ["--data", str(folder), *options]
        self._errors = folder.with_name(f"{folder.name}.log")
        self._process: subprocess.Popen[str] | None = None
        self._port = 0
        self._admin_port = 0

    def __enter__(self) -> StandIn:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def admin_address(self) -> str:
        return f"127.0.0.1:{self._admin_port}"

    @property
    def said(self) -> str:
        """What it wrote to stderr since it was last started."""
        return self._errors.read_text(encoding="utf-8")

    def start(self) -> None:
        """Start it, on the same port as before if there was one.

        Raises:
            ValueError: It ended instead of saying where it listens; its reason is in the text.
        """
        ports = ["--port", str(self._port), "--admin-port", str(self._admin_port)]
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [str(built_stand_in()), *self._arguments, *ports],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.kill()
            raise ValueError(self.said)
        at = json.loads(line)
        self._port, self._admin_port = at["grpc"], at["admin"]

    def kill(self) -> None:
        """End it at once, as a crash does."""
        self._end(signal.SIGKILL)

    def stop(self) -> int | None:
        """Ask it to end, and return its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int | None:
        if self._process is None:
            return None
        self._process.send_signal(how)
        code = self._process.wait(_FOREVER)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None
        return code

    def admin(self, path: str, *, method: str = "GET") -> dict[str, Any]:
        """Call an admin endpoint, and return what it answers."""
        url = f"http://{self.admin_address}{path}"
        request = urllib.request.Request(url, method=method)
        with urllib.request.urlopen(request, timeout=_FOREVER) as answer:
            found: dict[str, Any] = json.load(answer)
            return found


def run_stand_in(folder: Path, *options: str) -> Iterator[StandIn]:
    """Run one, for a fixture to yield from."""
    with StandIn(folder, *options) as running:
        yield running
