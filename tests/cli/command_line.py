"""The command line as its users have it: a process with streams and an exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FLOWS = Path(__file__).with_name("flows.py")
_SECONDS = 60
_INHERITED = ("PATH", "HOME", "PYTHONPATH", "LANG", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines of its results."""
        return self.out.splitlines()

    def json(self) -> Any:
        """Its results as JSON."""
        return json.loads(self.out)


class CommandLine:
    """Runs ``perdure`` in a folder, on a backend."""

    def __init__(
        self, *, url: str, folder: Path, variables: Mapping[str, str] | None = None
    ) -> None:
        self.url = url
        self.folder = folder
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        self.environment = {**inherited, "PERDURE_BACKEND": url, **(variables or {})}

    def __call__(self, *words: str, stdin: str = "", **variables: str) -> Done:
        """Run a command to its end."""
        done = subprocess.run(
            self._command(words),
            cwd=self.folder,
            env={**self.environment, **variables},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        return Done(code=done.returncode, out=done.stdout, err=done.stderr)

    def ok(self, *words: str, stdin: str = "", **variables: str) -> Done:
        """Run a command that must succeed."""
        done = self(*words, stdin=stdin, **variables)
        assert done.code == 0, f"perdure {' '.join(words)}: {done}"
        return done

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Begin a command and leave it running."""
        return subprocess.Popen(
            self._command(words),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def until(self, instance_id: str, status: str) -> dict[str, Any]:
        """Wait until an instance has a status, and return its record."""
        for _ in pauses():
            record: dict[str, Any] = self.ok("show", instance_id, "-o", "json").json()
            if record["status"] == status:
                return record
        raise AssertionError(f"{instance_id} did not become {status}: {record}")

    @staticmethod
    def _command(words: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "perdure", *words]


def pauses(seconds: float = 15.0) -> Iterator[None]:
    """Yield now and then, for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.05)


def interrupted(process: subprocess.Popen[str], number: int = signal.SIGINT) -> Done:
    """Send a signal, and wait for the end."""
    process.send_signal(number)
    out, err = process.communicate(timeout=_SECONDS)
    return Done(code=process.returncode, out=out, err=err)


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """Read what a process says on stderr, up to the line that has ``words``."""
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if words in line:
            return said
    raise AssertionError(f"{words!r} was never said: {said}")
