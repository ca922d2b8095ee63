"""For tests of workflows: the real engine on temporary storage, and a clock moved by hand."""

from __future__ import annotations

from perdure.testing.environment import Environment, run_in_memory
from perdure.testing.manual_clock import ManualClock

__all__ = ["Environment", "ManualClock", "run_in_memory"]
