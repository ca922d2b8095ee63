"""A worker of Dapr's own SDK that dies in the turn that a timer begins, and is slow in the next.

It finds in ``TORN_FOLDER`` whether some worker has died already.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import dapr.ext.workflow as wf

if TYPE_CHECKING:
    from collections.abc import Generator

    from dapr.ext.workflow import DaprWorkflowContext

_SLOW_SECONDS: Final = 30


def timed(context: DaprWorkflowContext, name: str) -> Generator[Any, Any, str]:
    """Wait for a timer; nothing else."""
    yield context.create_timer(timedelta(milliseconds=200))
    folder = Path(os.environ["TORN_FOLDER"])
    if (folder / "died").exists():
        (folder / "turn").touch()
        time.sleep(_SLOW_SECONDS)
    else:
        (folder / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return name


def main() -> None:
    """Run the worker."""
    runtime = wf.WorkflowRuntime()
    runtime.register_workflow(timed)
    runtime.start()  # type: ignore[no-untyped-call]  # the SDK's
    threading.Event().wait()


if __name__ == "__main__":
    main()
