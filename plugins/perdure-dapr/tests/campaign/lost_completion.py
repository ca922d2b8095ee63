"""A workflow of one activity, which ends when it is told to; on perdure, and on Dapr's own SDK.

It is told by a file ``go`` in ``LOST_FOLDER``, so that a test can kill the sidecar just before.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import perdure
from tests.crash import evidence

if TYPE_CHECKING:
    from collections.abc import Generator

    from dapr.ext.workflow import DaprWorkflowContext, WorkflowActivityContext

app = perdure.App("lost", backend=os.environ.get("CRASH_BACKEND"))
_FOLDER: Final = Path(os.environ.get("LOST_FOLDER", "."))
_POLL_SECONDS: Final = 0.01


def _work(key: str, name: str) -> str:
    _note("begin", key, name)
    while not (_FOLDER / "go").exists():
        time.sleep(_POLL_SECONDS)
    _note("end", key, name)
    return name


def _note(phase: evidence.Phase, key: str, name: str) -> None:
    line = evidence.Line(phase=phase, key=key, attempt=1, pid=os.getpid(), label=f"{name}/0")
    evidence.append(_FOLDER / "record.jsonl", line)


@app.activity
def work(name: str) -> str:
    """Begin, and end when it is told to."""
    return _work(perdure.current_activity().idempotency_key, name)


@app.workflow
async def single(name: str) -> str:
    """Run the one activity."""
    return await work(name)


def native_work(context: WorkflowActivityContext, name: str) -> str:
    """Do the same, on Dapr's own SDK."""
    return _work(f"{context.workflow_id}:{context.task_id}", name)


def native_single(context: DaprWorkflowContext, name: str) -> Generator[Any, Any, Any]:
    """Run the one activity, on Dapr's own SDK."""
    return (yield context.call_activity(native_work, input=name))


def _run_native() -> None:
    import dapr.ext.workflow as wf

    runtime = wf.WorkflowRuntime()
    runtime.register_workflow(native_single)
    runtime.register_activity(native_work)
    runtime.start()  # type: ignore[no-untyped-call]  # the SDK's
    threading.Event().wait()


def main() -> None:
    """Run a worker: of Dapr's own SDK if ``native`` is asked for."""
    if sys.argv[1] == "native":
        _run_native()
        return
    app.run_worker()


if __name__ == "__main__":
    main()
