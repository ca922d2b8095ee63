"""Guards: a workflow that does I/O, starts a thread or really sleeps fails at once, with a reason.

One audit hook for the process, and wrappers around ``time.sleep`` and ``Thread.start`` (which
Python 3.11 does not audit). All first ask whether the code that runs is a workflow's; elsewhere
they do nothing. Clocks and random numbers cannot be caught this way.
"""

from __future__ import annotations

import functools
import sys
import threading
import time
from asyncio import _get_running_loop
from typing import TYPE_CHECKING, Any

from perdure._replay import stdlib
from perdure._replay.loop import WorkflowLoop
from perdure.errors import ForbiddenInWorkflowError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_IO = "move it into an activity (@app.activity) and await that"
_THREAD = "use asyncio tasks here, and an activity for work that blocks"
_SLEEP = "use await asyncio.sleep(…), a durable timer"

_FORBIDDEN_EVENTS: dict[str, tuple[str, str]] = {
    "open": ("opening a file", _IO),
    "socket.__new__": ("opening a socket", _IO),
    "socket.connect": ("opening a connection", _IO),
    "socket.bind": ("binding a socket", _IO),
    "socket.sendto": ("sending on a socket", _IO),
    "socket.sendmsg": ("sending on a socket", _IO),
    "socket.getaddrinfo": ("resolving a host name", _IO),
    "socket.gethostbyname": ("resolving a host name", _IO),
    "sqlite3.connect": ("opening a database", _IO),
    "subprocess.Popen": ("starting a process", _IO),
    "os.system": ("starting a process", _IO),
    "os.exec": ("replacing the process", _IO),
    "os.posix_spawn": ("starting a process", _IO),
    "os.spawn": ("starting a process", _IO),
    "os.fork": ("forking the process", _IO),
    "os.forkpty": ("forking the process", _IO),
    "os.listdir": ("reading a folder", _IO),
    "os.scandir": ("reading a folder", _IO),
    "os.mkdir": ("making a folder", _IO),
    "os.remove": ("deleting a file", _IO),
    "os.rename": ("renaming a file", _IO),
    "os.rmdir": ("deleting a folder", _IO),
    "os.truncate": ("changing a file", _IO),
    "os.chmod": ("changing a file", _IO),
    "os.link": ("making a link", _IO),
    "os.symlink": ("making a link", _IO),
    # Connections that a pool keeps open are not opened again.
    "http.client.send": ("sending a request", _IO),
    "os.kill": ("signalling a process", _IO),
    "_thread.start_new_thread": ("starting a thread", _THREAD),
    "_thread.start_joinable_thread": ("starting a thread", _THREAD),
    "time.sleep": ("time.sleep", _SLEEP),  # from Python 3.13 on, however it was imported
}

# Modules that read files on behalf of code that only computes: imports, source lines of tracebacks,
# time zones, log handlers.
_EXEMPT_MODULES = frozenset(
    {
        "importlib",
        "linecache",
        "tokenize",
        "traceback",
        "warnings",
        "logging",
        "zoneinfo",
        "zipimport",
        "pkgutil",
        "inspect",
        # Its finalizers run wherever the collector happens to: they are not the workflow's doing.
        "weakref",
        # What importlib is called until somebody imports it.
        "_frozen_importlib",
        "_frozen_importlib_external",
    }
)

_is_installed = False
_real_sleep = time.sleep
_real_start = threading.Thread.start


def install() -> None:
    """Install the guards in this process. May be called twice; they cannot be removed."""
    global _is_installed
    if _is_installed:
        return
    _is_installed = True
    stdlib.install()
    setattr(threading.Thread, "start", _guarded_start)  # noqa: B010 - else mypy objects
    time.sleep = _guarded_sleep  # type: ignore[assignment]  # same call, other type of wrapper
    sys.addaudithook(_audit)


def _audit(
    event: str,
    args: tuple[Any, ...],
    # Bound here: the hook is still called while the interpreter clears this module away.
    forbidden: dict[str, tuple[str, str]] = _FORBIDDEN_EVENTS,
    running_loop: Callable[[], object] = _get_running_loop,
    workflow_loop: type[WorkflowLoop] = WorkflowLoop,
) -> None:
    if event not in forbidden:
        return
    loop: Any = running_loop()
    if type(loop) is not workflow_loop:
        return
    frame = sys._getframe(1)
    if _is_exempt(frame) or (event == "open" and _is_of_a_time_zone(args[0])):
        return
    what, remedy = forbidden[event]
    detail = f" ({args[0]!r})" if event == "open" and args else ""
    _refuse(loop, f"{what}{detail} at {_user_line(frame)}", remedy)


@functools.wraps(_real_sleep)
def _guarded_sleep(seconds: float, /) -> None:
    loop = _get_running_loop()
    if type(loop) is WorkflowLoop:
        _refuse(
            loop,
            f"time.sleep at {_user_line(sys._getframe(1))}",
            _SLEEP,
        )
    _real_sleep(seconds)


@functools.wraps(_real_start)
def _guarded_start(self: threading.Thread) -> None:
    loop = _get_running_loop()
    if type(loop) is WorkflowLoop and not _is_exempt(frame := sys._getframe(1)):
        _refuse(loop, f"starting a thread at {_user_line(frame)}", _THREAD)
    _real_start(self)


def _refuse(loop: WorkflowLoop, what: str, remedy: str) -> None:
    error = ForbiddenInWorkflowError(what=what, remedy=remedy)
    loop.executor.fail_with(error)
    raise error


def _is_exempt(frame: FrameType | None) -> bool:
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module == "perdure._replay.loop":
            return False
        if module.partition(".")[0] in _EXEMPT_MODULES or frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


def _is_of_a_time_zone(path: object) -> bool:
    # ZoneInfo in C opens its files without a frame of its own.
    zoneinfo = sys.modules.get("zoneinfo")
    return zoneinfo is not None and isinstance(path, str) and path.startswith(zoneinfo.TZPATH)


def _user_line(frame: FrameType | None) -> str:
    """Return ``file:line`` of the nearest frame that is the user's, not the standard library's."""
    nearest = frame
    while frame is not None and frame.f_globals.get("__name__", "") != "perdure._replay.loop":
        if frame.f_globals.get("__name__", "").partition(".")[0] not in sys.stdlib_module_names:
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return (
        f"{nearest.f_code.co_filename}:{nearest.f_lineno}"
        if nearest is not None
        else "an unknown place"
    )
