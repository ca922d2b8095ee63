"""One worker process of the twin: Microsoft's own worker, until it is killed."""

from __future__ import annotations

import os
import threading
from typing import Any

from azure_campaign import native_shapes
from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker


def main() -> None:
    """Run the worker."""
    worker: Any = DurableTaskSchedulerWorker(
        host_address=os.environ["CAMPAIGN_TARGET"],
        taskhub="default",
        token_credential=None,
        secure_channel=False,
    )
    for workflow in native_shapes.WORKFLOWS:
        worker.add_orchestrator(workflow)
    for activity in native_shapes.ACTIVITIES:
        worker.add_activity(activity)
    worker.start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
