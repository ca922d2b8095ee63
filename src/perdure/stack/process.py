"""Processes that outlive the one that started them, known by pid *and* start time.

A pid alone may belong to a stranger by the time somebody looks.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TOKEN_VARIABLE: Final = "PERDURE_STACK_TOKEN"

_PROC: Final = Path("/proc")
_HAS_PROC: Final = (_PROC / "self" / "stat").exists()
_POLL_SECONDS: Final = 0.005
# What every program may need; no variable of a user's shell changes what a server does.
_INHERITED: Final = (
    "HOME",
    "LANG",
    "PATH",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "TZ",
    "USER",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessId:
    """One process, and no other that gets its number later."""

    pid: int
    started: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a process uses.

    Attributes:
        memory_bytes: What it has in memory now (RSS).
        peak_memory_bytes: The most it ever had; the same as now where the system does not say.
        cpu_seconds: Processor time so far, its own and the system's for it.
    """

    memory_bytes: int
    peak_memory_bytes: int
    cpu_seconds: float


def spawn(command: Sequence[str], *, environment: Mapping[str, str], log: Path) -> ProcessId:
    """Start a process in a session of its own, with nothing of the caller's but its log file.

    Raises:
        OSError: The program cannot be started, or the log not be written.
    """
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    writing = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    # Not subprocess, whose objects complain when they are dropped while the process lives.
    pid = os.posix_spawn(
        command[0],
        tuple(command),
        {**inherited, **environment},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), writing, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
            *((os.POSIX_SPAWN_CLOSE, number) for number in _inheritable()),
        ],
        setsid=True,
        setsigmask=[],
        setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
    )
    # It is our child and nobody has waited for it, so it can be read even if it has ended.
    return ProcessId(pid=pid, started=_started(pid) or "")


def is_running(process: ProcessId) -> bool:
    """Return whether this very process lives. One that ended is waited for if it is our child."""
    if _started(process.pid) != process.started:
        return False
    with contextlib.suppress(ChildProcessError):  # another process started it
        if os.waitpid(process.pid, os.WNOHANG)[0] == process.pid:
            return False
    return not _is_zombie(process.pid)


def send(process: ProcessId, number: signal.Signals) -> None:
    """Send a signal to this very process; nothing if it has ended."""
    if is_running(process):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


def wait_ended(processes: Sequence[ProcessId], *, seconds: float) -> list[ProcessId]:
    """Wait until all have ended, and return those that live when the time is over."""
    deadline = time.monotonic() + seconds
    living = [process for process in processes if is_running(process)]
    while living and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        living = [process for process in living if is_running(process)]
    return living


def usage_of(process: ProcessId) -> Usage | None:
    """Return what this very process uses, or ``None`` if it has ended."""
    if not is_running(process):
        return None
    try:
        return _usage_from_proc(process.pid) if _HAS_PROC else _usage_from_ps(process.pid)
    except (OSError, ValueError, IndexError):  # it ended while we read
        return None


def marked(token: str) -> Iterator[ProcessId]:
    """Find the processes that were started with ``token``, by whomever; only where /proc is."""
    mark = f"{TOKEN_VARIABLE}={token}".encode()
    for folder in _PROC.glob("[0-9]*") if _HAS_PROC and token else ():
        with contextlib.suppress(OSError):
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                pid = int(folder.name)
                if started := _started(pid):
                    yield ProcessId(pid=pid, started=started)


def _inheritable() -> list[int]:
    """Return the descriptors that a child would get beside the usual three.

    Whoever waits for the end of a pipe would wait for a server that holds it.
    """
    found = []
    for name in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError):  # closed meanwhile, as that of the list itself
            if int(name) > 2 and os.get_inheritable(int(name)):
                found.append(int(name))
    return found


def _started(pid: int) -> str | None:
    if not _HAS_PROC:
        return _ps(pid, "lstart=") or None
    try:
        return f"{_boot()}/{_stat(pid)[19]}"
    except OSError:
        return None


def _is_zombie(pid: int) -> bool:
    if not _HAS_PROC:
        return _ps(pid, "stat=").startswith("Z")
    try:
        fields = _stat(pid)
    except OSError:
        return True
    # While other threads of it are still ending it has its files, and so its ports.
    return fields[0] in ("Z", "X") and int(fields[17]) <= 1


def _stat(pid: int) -> list[str]:
    """Return the fields after the program's name, which may hold blanks and brackets itself."""
    text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    return text.rpartition(")")[2].split()


@functools.cache
def _boot() -> str:
    """Return what no other boot of this machine has: pids and ticks begin anew with each."""
    return (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _usage_from_proc(pid: int) -> Usage:
    fields = _stat(pid)
    status = (_PROC / str(pid) / "status").read_text(encoding="utf-8", errors="replace")
    sizes = {
        name: int(rest.split()[0]) * 1024
        for name, _, rest in (line.partition(":") for line in status.splitlines())
        if name in ("VmRSS", "VmHWM")
    }
    return Usage(
        memory_bytes=sizes.get("VmRSS", 0),
        peak_memory_bytes=sizes.get("VmHWM", 0),
        cpu_seconds=(int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
    )


def _usage_from_ps(pid: int) -> Usage:
    memory, spent = _ps(pid, "rss=,time=").split()
    seconds = 0.0
    for part in spent.replace("-", ":").split(":"):
        seconds = seconds * 60 + float(part)
    size = int(memory) * 1024
    return Usage(memory_bytes=size, peak_memory_bytes=size, cpu_seconds=seconds)


def _ps(pid: int, columns: str) -> str:
    command = ["ps", "-o", columns, "-p", str(pid)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()
