"""Scripts in processes of their own: killed, raced, or run on a small disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Final

import pytest

import perdure.embedded.connection

SOURCES: Final = str(Path(perdure.embedded.connection.__file__).parents[2])

_PRELUDE: Final = """
import os, sqlite3, sys
from pathlib import Path
from perdure.embedded.connection import open_database, translate
from perdure.errors import StorageError
"""


def spawn(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Start ``script`` (dedented, after a few imports) and return the process, its pipes open."""
    return subprocess.Popen(
        _command(script, arguments),
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def run(script: str, *arguments: object) -> str:
    """Run ``script`` to its end and return what it printed."""
    return _run(_command(script, arguments))


def run_mounted(script: str, folder: Path, *arguments: object, size: str = "1m") -> str:
    """Run ``script`` with a small disk of its own on ``folder``, which is its first argument.

    Nobody else sees the disk, and it goes with the process.
    """
    unshare = shutil.which("unshare")
    if unshare is None or not _may_mount():
        pytest.skip("this system lets a test mount nothing (unshare --map-root-user --mount)")
    mount = f'mount -t tmpfs -o size={size} tmpfs "$0" && exec "$@"'
    command = [unshare, "--map-root-user", "--mount", "sh", "-c", mount, str(folder)]
    return _run([*command, *_command(script, (folder, *arguments))])


def _may_mount() -> bool:
    probe = ["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(probe, check=False, capture_output=True).returncode == 0


def _command(script: str, arguments: tuple[object, ...]) -> list[str]:
    text = _PRELUDE + textwrap.dedent(script)
    return [sys.executable, "-c", text, *map(str, arguments)]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": SOURCES, "PYTHONDONTWRITEBYTECODE": "1"}


def _run(command: list[str]) -> str:
    done = subprocess.run(
        command, env=_environment(), check=False, capture_output=True, text=True, timeout=25
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
