"""For tests: workflows on the real engine with a clock moved by hand; backends against contracts.

The contracts are in :mod:`perdure.testing.contract`, which is not imported with this.
"""

from __future__ import annotations

from perdure.testing.crash_points import CrashPoint
from perdure.testing.environment import Environment, run_in_memory
from perdure.testing.hub import BackendHub
from perdure.testing.manual_clock import ManualClock
from perdure.testing.record import Record
from perdure.testing.target import BackendServer, BackendTarget, WorkerProcess

__all__ = [
    "BackendHub",
    "BackendServer",
    "BackendTarget",
    "CrashPoint",
    "Environment",
    "ManualClock",
    "Record",
    "WorkerProcess",
    "run_in_memory",
]
