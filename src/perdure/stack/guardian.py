"""A process that ends a stack when the one that owns it has ended, however that came about.

Run as ``python -m perdure.stack.guardian OWNER FOLDER TOKEN``, as a child of the owner.

The kernel's own signal for this (``PR_SET_PDEATHSIG``) comes when the *thread* ends that started a
server, and there is none on macOS.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from perdure.stack.process import marked, send, spawn, wait_ended
from perdure.stack.record import read_record

if TYPE_CHECKING:
    from perdure.stack.folder import StackFolder
    from perdure.stack.process import ProcessId

_MODULE: Final = "perdure.stack.guardian"  # __name__ is "__main__" when it runs
_POLL_SECONDS: Final = 0.1
_END_SECONDS: Final = 5.0


class Guardian:
    """The guardian of one stack, or none while the stack is down."""

    def __init__(self, folder: StackFolder) -> None:
        self._folder = folder
        self._process: ProcessId | None = None

    def watch(self, token: str) -> None:
        """Have a process watch over this one, for the servers that carry ``token``.

        Raises:
            OSError: It cannot be started.
        """
        folder = str(self._folder.path)
        command = [sys.executable, "-P", "-m", _MODULE, str(os.getpid()), folder, token]
        # It must find perdure where this process does.
        environment = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        log = self._folder.log("guardian")
        self._process = spawn(command, environment=environment, log=log)

    def end(self) -> None:
        """End it; nothing if there is none."""
        if self._process is not None:
            send(self._process, signal.SIGKILL)
            wait_ended([self._process], seconds=_END_SECONDS)
            self._process = None


def end_all(*, folder: Path, token: str) -> None:
    """Kill the servers that carry ``token``, and those that the record of ``folder`` names."""
    record = read_record(folder, name=folder.name)
    noted = record.servers if record is not None and record.token == token else ()
    for process in [*marked(token), *(server.process for server in noted)]:
        if process is not None:
            send(process, signal.SIGKILL)


def main() -> None:
    """Wait for the owner's end, and end its servers."""
    owner, folder, token = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    # A process whose parent has ended gets another parent.
    while os.getppid() == owner:
        time.sleep(_POLL_SECONDS)
    end_all(folder=folder, token=token)


if __name__ == "__main__":
    main()
