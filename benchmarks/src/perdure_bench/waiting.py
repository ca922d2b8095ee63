"""Instances that wait for an event: what they cost while nothing happens.

There are no samples. Figures, with the name of a server, or ``worker``, after the point:

* ``memory_before_bytes.…``, ``memory_bytes.…``: resident memory without the instances and with all
  of them, each time a second after everything became still;
* ``memory_bytes_per_instance.…``: the difference, by the number of instances. It is the growth of a
  process that has just run their beginning: it may give some of it back, or use it for others;
* ``idle_cpu_per_second.…``: processor seconds in each second of waiting;
* ``starts_per_second``: instances by the seconds until all of them waited.

Details: ``instances``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psutil

from perdure_bench.sides.jobs import Job
from perdure_bench.usage import WORKER, memory_of

if TYPE_CHECKING:
    from perdure_bench.bench import Bench

_WARM_UP = Job(shape="chain", size=10, instances=16, clients=16)
_CLIENTS = 32
_STILL_SECONDS = 1.0
_WATCHED_SECONDS = 3.0
_LONGEST_SECONDS = 300.0


def measure(bench: Bench, *, count: int, note: str = "") -> None:
    """Have so many instances wait, and keep what they cost.

    Raises:
        SideFailedError: The side ended.
        SideTimedOutError: They did not all wait in time.
    """
    # A new process on new servers: what others left in memory would hide what these need.
    bench.session.end_sides(bench.cell.backend)
    bench.session.mark_broken(bench.cell.backend)
    bench.run(_WARM_UP)
    time.sleep(_STILL_SECONDS)
    before = _memory(bench)
    done = bench.run(Job(shape="idle", instances=count, clients=_CLIENTS), within=_LONGEST_SECONDS)
    time.sleep(_STILL_SECONDS)
    after = _memory(bench)
    figures = {
        **{f"memory_before_bytes.{name}": memory for name, memory in before.items()},
        **{f"memory_bytes.{name}": memory for name, memory in after.items()},
        **{
            f"memory_bytes_per_instance.{name}": (memory - before.get(name, 0)) / count
            for name, memory in after.items()
        },
        **{f"idle_cpu_per_second.{name}": cpu for name, cpu in _idle_cpu(bench).items()},
        "starts_per_second": count / done.seconds,
    }
    bench.clocked(lambda: done.seconds, rounds=1)
    bench.keep(note=note, figures=figures, details={"instances": count})
    # They must not be there when others are measured.
    bench.session.mark_broken(bench.cell.backend)


def _memory(bench: Bench) -> dict[str, float]:
    servers = {name: spent.memory_bytes for name, spent in bench.place.spent().items()}
    return {WORKER: memory_of(bench.side.pid), **servers}


def _idle_cpu(bench: Bench) -> dict[str, float]:
    before, began = _cpu(bench), time.monotonic()
    time.sleep(_WATCHED_SECONDS)
    after, seconds = _cpu(bench), time.monotonic() - began
    return {name: (cpu - before[name]) / seconds for name, cpu in after.items() if name in before}


def _cpu(bench: Bench) -> dict[str, float]:
    servers = {name: spent.cpu_seconds for name, spent in bench.place.spent().items()}
    worker = psutil.Process(bench.side.pid).cpu_times()
    return {WORKER: worker.user + worker.system, **servers}
