"""``perdure dev``: a worker in a process of its own, drained and started anew at each change.

A new process, because a module that is reloaded in place keeps half of what it was. The embedded
engine gives the instances from the old worker to the new one, so nothing is lost between them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from perdure.cli.exit_codes import CommandError, ExitCode
from perdure.config import BACKEND_VARIABLE, DEFAULT_BACKEND

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from perdure.cli.shell import Shell

_LOOK_SECONDS = 0.4
_STOP_SECONDS = 15.0
_PASSED_OVER = frozenset({"__pycache__", "node_modules", "site-packages", "venv", "env", "build"})
_MAX_FILES = 5_000

_Snapshot = dict[str, tuple[int, int]]


def run_reloading(shell: Shell, target: str) -> ExitCode | None:
    """Keep a worker of ``target`` running until a signal ends us.

    Raises:
        CommandError: Another backend than the embedded engine is asked for.
    """
    backend = _embedded_backend(shell)
    folder = Path.cwd()
    shell.note(f"dev: {target} on {backend}; watching *.py in {folder}; Ctrl-C ends it")
    told_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told_to_stop.set())
    supervisor = _Supervisor(shell, command=_worker_command(shell, target, backend))
    before = _snapshot(folder)
    supervisor.start()
    try:
        while not told_to_stop.wait(_LOOK_SECONDS):
            after = _snapshot(folder)
            if changed := _changed(before, after):
                before = after
                supervisor.restart(changed)
            else:
                supervisor.look()
    finally:
        supervisor.stop()
    return None


class _Supervisor:
    """Starts the worker's process, stops it, and tells when it ended by itself."""

    def __init__(self, shell: Shell, *, command: list[str]) -> None:
        self._shell = shell
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        # A session of its own: Ctrl-C in the terminal is ours to pass on, once.
        self._process = subprocess.Popen(self._command, start_new_session=True)

    def restart(self, changed: list[str]) -> None:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        self._shell.note(f"dev: {changed[0]}{more} changed; restarting")
        self.stop()
        self.start()

    def look(self) -> None:
        if self._process is not None and (code := self._process.poll()) is not None:
            self._process = None
            self._shell.warn(f"dev: the worker ended with code {code}; waiting for a change")

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # Its activities run on for too long; what is not recorded runs again.
            process.kill()
            process.wait()


def _embedded_backend(shell: Shell) -> str:
    """Return the embedded engine's URL, that of the settings if they choose it."""
    chosen = shell.configuration()
    if chosen.backend_name == DEFAULT_BACKEND:
        return chosen.backend_url
    if shell.options.backend is not None or shell.options.profile is not None:
        message = f"dev runs the embedded engine, and {chosen.backend_name!r} is asked for"
        step = "perdure worker MODULE, for other backends"
        raise CommandError(message, step=step, code=ExitCode.USAGE)
    shell.note(f"dev: {chosen.backend_setting} says {chosen.backend_name!r}; not used here")
    os.environ.pop(BACKEND_VARIABLE, None)
    return DEFAULT_BACKEND


def _worker_command(shell: Shell, target: str, backend: str) -> list[str]:
    command = [sys.executable, "-m", "perdure", "worker", target, "--backend", backend]
    return [*command, "--debug"] if shell.options.debug else command


def _changed(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    names = before.keys() | after.keys()
    return sorted(name for name in names if before.get(name) != after.get(name))


def _snapshot(folder: Path) -> _Snapshot:
    """Return when each Python file below was changed, and how long it is."""
    seen: _Snapshot = {}
    for path in _python_files(folder):
        try:
            stat = path.stat()
        except OSError:
            continue  # it went away between the two looks: that is a change, too
        seen[str(path.relative_to(folder))] = (stat.st_mtime_ns, stat.st_size)
        if len(seen) == _MAX_FILES:
            break
    return seen


def _python_files(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [
            name for name in folders if not name.startswith(".") and name not in _PASSED_OVER
        ]
        yield from (Path(parent, name) for name in files if name.endswith(".py"))
