"""A worker process for a test: chains activities, marks each, and may die in the third."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker

STEPS = 6
FATAL_STEP = 2


def main(address: str, hub: str, marks: Path, ending: str) -> None:
    quiet = logging.getLogger("killed_worker")
    quiet.setLevel(logging.CRITICAL + 1)
    worker = DurableTaskSchedulerWorker(
        host_address=address, taskhub=hub, token_credential=None, secure_channel=False, logger=quiet
    )

    def mark(_: Any, step: int) -> int:
        with marks.open("a", encoding="utf-8") as file:
            file.write(f"{step}\n")
        if ending == "die" and step == FATAL_STEP:
            os.kill(os.getpid(), signal.SIGKILL)
        return step + 1

    def chain(context: Any, _: Any) -> Any:
        step = 0
        while step < STEPS:
            step = yield context.call_activity(mark, input=step)
        return step

    worker.add_orchestrator(chain)
    worker.add_activity(mark)
    worker.start()  # type: ignore[no-untyped-call]  # the SDK has no types here
    sys.stdin.read()  # until the test lets go, or ends


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4])
