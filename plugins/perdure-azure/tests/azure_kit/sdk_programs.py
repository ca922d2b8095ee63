"""A program of Microsoft's own SDK on a hub of the stand-in."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any

from durabletask.azuremanaged.client import DurableTaskSchedulerClient
from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker
from durabletask.client import OrchestrationStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perdure_azure.stack import AzureStack

_quiet = logging.getLogger("perdure.tests.sdk")
_quiet.setLevel(logging.CRITICAL)


def approval(context: Any, city: str) -> Any:
    """Greet a city, wait for an event, and return both."""
    greeting = yield context.call_activity(greet, input=city)
    context.set_custom_status("waiting")
    answer = yield context.wait_for_external_event("approval")
    return [greeting, answer]


def greet(context: Any, city: str) -> str:
    """Return a greeting."""
    return f"hello {city}"


@contextlib.contextmanager
def client_of(stack: AzureStack, hub: str = "default") -> Iterator[Any]:
    """Open a client."""
    client: Any = DurableTaskSchedulerClient(
        host_address=stack.target,
        taskhub=hub,
        token_credential=None,
        secure_channel=False,
        logger=_quiet,
    )
    with contextlib.closing(client):
        yield client


@contextlib.contextmanager
def worker_of(stack: AzureStack, hub: str = "default") -> Iterator[None]:
    """Run a worker in this process."""
    worker: Any = DurableTaskSchedulerWorker(
        host_address=stack.target,
        taskhub=hub,
        token_credential=None,
        secure_channel=False,
        logger=_quiet,
    )
    worker.add_orchestrator(approval)
    worker.add_activity(greet)
    worker.start()
    try:
        yield
    finally:
        worker.stop()


def result_of(client: Any, instance_id: str) -> str | None:
    """Wait for an instance to complete, and return its output."""
    state = client.wait_for_orchestration_completion(instance_id, timeout=60)
    assert state is not None
    assert state.runtime_status is OrchestrationStatus.COMPLETED, state.failure_details
    output: str | None = state.serialized_output
    return output
