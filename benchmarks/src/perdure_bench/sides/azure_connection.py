"""A worker and a client of Microsoft's own SDK, at the scheduler that ``ENDPOINT`` names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from durabletask.azuremanaged.client import AsyncDurableTaskSchedulerClient
from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from azure.core.credentials import TokenCredential
    from azure.core.credentials_async import AsyncTokenCredential


class AzureConnection:
    """Both, with default options. A scheduler on TLS gets ``DefaultAzureCredential``'s token."""

    def __init__(self) -> None:
        endpoint = os.environ["ENDPOINT"]
        self._is_secure = endpoint.startswith("https://")
        self._where: dict[str, Any] = {
            "host_address": endpoint,
            "taskhub": os.environ["TASKHUB"],
            "secure_channel": self._is_secure,
        }
        self._worker: Any  # its methods have no types
        self._client: AsyncDurableTaskSchedulerClient

    def open(
        self,
        orchestrators: Iterable[Callable[..., Any]],
        activities: Iterable[Callable[..., Any]],
    ) -> None:
        """Start a worker of these and make a client."""
        self._worker = DurableTaskSchedulerWorker(**self._where, token_credential=self._token())
        for orchestrator in orchestrators:
            self._worker.add_orchestrator(orchestrator)
        for activity in activities:
            self._worker.add_activity(activity)
        self._worker.start()
        self._client = AsyncDurableTaskSchedulerClient(
            **self._where, token_credential=self._async_token()
        )

    async def disconnect(self) -> None:
        """Stop the worker and close the client."""
        await self._client.close()
        self._worker.stop()

    def _token(self) -> TokenCredential | None:
        if not self._is_secure:
            return None
        from azure.identity import DefaultAzureCredential

        return DefaultAzureCredential()

    def _async_token(self) -> AsyncTokenCredential | None:
        if not self._is_secure:
            return None
        from azure.identity.aio import DefaultAzureCredential

        return DefaultAzureCredential()
