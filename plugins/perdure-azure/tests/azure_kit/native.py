"""Microsoft's own client and worker on a hub of a stack, to compare perdure with."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any, Final

from durabletask.azuremanaged.client import DurableTaskSchedulerClient
from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from perdure_azure.stack import AzureStack

_QUIET: Final = logging.getLogger("azure_kit.native")
_QUIET.setLevel(logging.CRITICAL + 1)


@contextlib.contextmanager
def native_client(stack: AzureStack, hub: str = "default") -> Iterator[Any]:
    """Open Microsoft's client."""
    with DurableTaskSchedulerClient(**_whereabouts(stack, hub)) as client:
        yield client


@contextlib.contextmanager
def native_worker(
    stack: AzureStack,
    *orchestrators: Callable[..., Any],
    activities: tuple[Callable[..., Any], ...] = (),
    hub: str = "default",
) -> Iterator[None]:
    """Run Microsoft's worker."""
    worker: Any = DurableTaskSchedulerWorker(**_whereabouts(stack, hub))
    for orchestrator in orchestrators:
        worker.add_orchestrator(orchestrator)
    for activity in activities:
        worker.add_activity(activity)
    worker.use_work_item_filters()  # others use the hub too
    worker.start()
    try:
        yield
    finally:
        worker.stop()


def _whereabouts(stack: AzureStack, hub: str) -> dict[str, Any]:
    return {
        "host_address": stack.target,
        "taskhub": hub,
        "token_credential": None,
        "secure_channel": False,
        "logger": _QUIET,
    }
