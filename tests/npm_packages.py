"""Servers that are npm packages, for tests: one folder per version in the user's cache."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path


def npm_package(package: str, version: str, *, program: str) -> Path:
    """Return a file of an npm package in the user's cache, which is installed if it is not there.

    Args:
        package: Its name, with a scope if it has one.
        version: Exactly this.
        program: The file, below ``node_modules``.

    Raises:
        CalledProcessError: npm cannot install it; ``stderr`` says why.
    """
    name = f"{package.rpartition('/')[2]}-{version}"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "perdure" / "servers"
    folder = cache / name
    found = folder / "node_modules" / program
    if found.exists():
        return found
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one process installs, the others wait for it
        if not found.exists():
            _install(f"{package}@{version}", folder)
    return found


def why_not(package: str, version: str, *, program: str) -> str:
    """Return why an npm package cannot be had here, or nothing."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return f"{package} needs node and npm"
    try:
        npm_package(package, version, program=program)
    except subprocess.CalledProcessError as error:
        return f"npm cannot install {package} {version}: {error.stderr.decode()[-500:]}"
    return ""


def _install(what: str, folder: Path) -> None:
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    (part / "package.json").write_text('{"private": true}', encoding="utf-8")
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", what]
    subprocess.run(command, cwd=part, check=True, capture_output=True)
    part.rename(folder)  # whole or not at all
