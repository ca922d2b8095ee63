"""One worker process of a crash campaign, until it is killed or told to end."""

from __future__ import annotations

import os
import time

from tests.crash import kill_points


def _set_clock_back(seconds: float) -> None:
    """Let this process see an earlier wall clock.

    A stand-in for setting the machine's clock back.
    """
    real_time, real_time_ns = time.time, time.time_ns
    time.time = lambda: real_time() - seconds
    time.time_ns = lambda: real_time_ns() - int(seconds * 1e9)


def main() -> None:
    """Run the worker."""
    if seconds := float(os.environ.get("CRASH_CLOCK_BACK", "0")):
        _set_clock_back(seconds)
    kill_points.install()
    # Only now: the clock and the connections must be the ones that were just put in place.
    from tests.crash.shapes import app

    app.run_worker()


if __name__ == "__main__":
    main()
