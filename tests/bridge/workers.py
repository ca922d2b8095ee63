"""A worker and a client of durabletask, as a backend on this bridge would have them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from durabletask.client import OrchestrationStatus, TaskHubGrpcClient
from durabletask.worker import ConcurrencyOptions, TaskHubGrpcWorker

from perdure.spi.bridge import (
    END_CHILDREN,
    EVENT_CHANNEL,
    StartEnvelope,
    encode_event,
    encode_start,
)
from tests.bridge.servers import METADATA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perdure.spi.bridge import Bridge

_LOOKS = 400
_PAUSE_SECONDS = 0.05

_quiet = logging.getLogger("perdure.tests.sdk")
_quiet.setLevel(logging.CRITICAL)


@contextlib.contextmanager
def running_worker(address: str, bridge: Bridge, *, threads: int = 16) -> Iterator[None]:
    """Run a worker in this process."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    options = ConcurrencyOptions(maximum_thread_pool_workers=threads)
    worker: Any = TaskHubGrpcWorker(
        host_address=address, metadata=METADATA, logger=_quiet, concurrency_options=options
    )
    for workflow in bridge.program.workflows:
        worker.add_orchestrator(bridge.orchestrator(workflow))
    for activity in bridge.program.activities:
        worker.add_activity(bridge.activity(activity, loop))
    client = Client(address)

    def end_children(context: Any, value: Any) -> None:
        for instance_id in value["instance_ids"]:
            client.sdk.terminate_orchestration(instance_id, output=value["reason"])

    end_children.__name__ = END_CHILDREN
    worker.add_activity(end_children)
    worker.start()
    try:
        yield
    finally:
        worker.stop()
        client.close()
        bridge.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class Client:
    """Starts workflows and raises events as perdure's client does."""

    def __init__(self, address: str) -> None:
        self.sdk = TaskHubGrpcClient(host_address=address, metadata=METADATA, logger=_quiet)

    def start(self, workflow: str, instance_id: str, **arguments: Any) -> str:
        """Start a workflow."""
        run_id = f"run-of-{instance_id}"
        start = StartEnvelope(run_id=run_id, seed=run_id, arguments=json.dumps(arguments))
        self.sdk.schedule_new_orchestration(
            workflow, input=encode_start(start), instance_id=instance_id
        )
        return instance_id

    def raise_event(self, instance_id: str, name: str, payload: Any) -> None:
        """Raise an event."""
        data = encode_event(name, json.dumps(payload))
        self.sdk.raise_orchestration_event(instance_id, EVENT_CHANNEL, data=data)

    def result(self, instance_id: str, *, timeout: int = 60) -> Any:
        """Wait for an instance to complete and return its value."""
        state = self.sdk.wait_for_orchestration_completion(instance_id, timeout=timeout)
        assert state is not None
        assert state.runtime_status is OrchestrationStatus.COMPLETED, state.failure_details
        return None if state.serialized_output is None else json.loads(state.serialized_output)

    def status(self, instance_id: str) -> str:
        """Return the name of an instance's status."""
        state = self.sdk.get_orchestration_state(instance_id)
        assert state is not None
        return state.runtime_status.name

    def appears(self, instance_id: str) -> None:
        """Wait for an instance that somebody else starts."""
        for _ in range(_LOOKS):
            if self.sdk.get_orchestration_state(instance_id) is not None:
                return
            time.sleep(_PAUSE_SECONDS)
        raise AssertionError(f"{instance_id} does not appear")

    def close(self) -> None:
        self.sdk.close()
