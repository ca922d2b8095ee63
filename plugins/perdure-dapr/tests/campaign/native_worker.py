"""One worker process of the twin: Dapr's own runtime, until it is killed."""

from __future__ import annotations

import threading

import dapr.ext.workflow as wf
from campaign import native_shapes


def main() -> None:
    """Run the worker."""
    runtime = wf.WorkflowRuntime()
    for workflow in native_shapes.WORKFLOWS:
        runtime.register_workflow(workflow)
    for activity in native_shapes.ACTIVITIES:
        runtime.register_activity(activity)
    runtime.start()  # type: ignore[no-untyped-call]  # the SDK's
    threading.Event().wait()


if __name__ == "__main__":
    main()
