"""What processes use while work is done: processor time, and memory as it is seen from outside.

The figures, with the name of a server, or ``worker`` for the process of the side, after the point:

* ``cpu_seconds.…``: processor time for each round, its own and the system's for it;
* ``memory_before_bytes.…``: resident memory before the first round that counts;
* ``memory_bytes.…``: the same after the last one;
* ``memory_peak_bytes.worker``: the most in between, looked at twenty times a second. Servers have
  none, as their peak is that of all that they ever did.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Protocol, Self

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from perdure_bench.places.place import Spent
    from perdure_bench.sides.process import Side

WORKER = "worker"
_LOOK_SECONDS = 0.05


def memory_of(pid: int) -> int:
    """Return the resident memory of a process in bytes; 0 if it has ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return int(psutil.Process(pid).memory_info().rss)
    return 0


class Servers(Protocol):
    """What says what servers have spent: a place, or a server of a suite's own."""

    def spent(self) -> dict[str, Spent]:
        """Return what each has spent, by name."""


class Usage:
    """Looks at a side and its servers within ``with``.

    Args:
        servers: Those that do the work with it.
        side: Which side.
    """

    def __init__(self, servers: Servers, side: Side) -> None:
        self._servers = servers
        self._pid = side.pid
        self._before: Mapping[str, Spent] = {}
        self._after: Mapping[str, Spent] = {}
        self._memory_before = self._memory = self._peak = 0
        self._is_over = threading.Event()
        self._looking = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        """Begin to look."""
        self._before = self._servers.spent()
        self._memory_before = self._peak = memory_of(self._pid)
        self._looking.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Look for a last time."""
        self._is_over.set()
        self._looking.join()
        self._memory = memory_of(self._pid)
        self._after = self._servers.spent()

    def figures(self, *, rounds: int, worker_cpu_seconds: float) -> dict[str, float]:
        """Return the figures above.

        Args:
            rounds: How many rounds were done within ``with``.
            worker_cpu_seconds: What the side says that it spent on all of them.
        """
        figures: dict[str, float] = {
            f"cpu_seconds.{WORKER}": worker_cpu_seconds / rounds,
            f"memory_before_bytes.{WORKER}": self._memory_before,
            f"memory_bytes.{WORKER}": self._memory,
            f"memory_peak_bytes.{WORKER}": max(self._peak, self._memory),
        }
        for name, spent in self._after.items():
            before = self._before.get(name)
            if before is not None:  # else it was started anew meanwhile
                cpu_seconds = spent.cpu_seconds - before.cpu_seconds
                figures[f"cpu_seconds.{name}"] = cpu_seconds / rounds
                figures[f"memory_before_bytes.{name}"] = before.memory_bytes
            figures[f"memory_bytes.{name}"] = spent.memory_bytes
        return figures

    def _look(self) -> None:
        while not self._is_over.wait(_LOOK_SECONDS):
            self._peak = max(self._peak, memory_of(self._pid))
