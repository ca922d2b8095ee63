"""The stand-in that both sides use, and what it keeps of an instance."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import grpc
from durabletask.internal import orchestrator_service_pb2
from durabletask.internal.orchestrator_service_pb2_grpc import TaskHubSidecarServiceStub

from benchmarks.beside.results import Footprint, Spent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.stack import Stack

_CALL_SECONDS = 60
# Its tables, and what of each is the user's or the SDK's.
_KEPT = """
    SELECT length(EventPayload) AS size FROM History WHERE InstanceID = :instance
    UNION ALL SELECT length(StartEvent) FROM Starts WHERE InstanceID = :instance
    UNION ALL SELECT coalesce(length(Output), 0) + coalesce(length(CustomStatus), 0)
        FROM Instances WHERE InstanceID = :instance
"""


class AzureServers:
    """The stand-in of a stack, asked by raw calls, the same for both sides."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        target, hub = endpoint_of(stack)
        self._store = stack.folder.state / "hubs" / f"{hub}.db"
        self._channel = grpc.insecure_channel(
            target, options=[("grpc.max_receive_message_length", -1)]
        )
        self._stub: Any = TaskHubSidecarServiceStub(self._channel)  # type: ignore[no-untyped-call]  # generated
        self._pb: Any = orchestrator_service_pb2
        self._options = {"timeout": _CALL_SECONDS, "metadata": [("taskhub", hub)]}

    def close(self) -> None:
        """Hang up."""
        self._channel.close()

    def spent(self) -> dict[str, Spent]:
        """Return what the stand-in has spent."""
        return {
            name: Spent(cpu_seconds=usage.cpu_seconds, memory_bytes=usage.memory_bytes)
            for name, usage in self._stack.usage().items()
        }

    def footprint(self, instance_id: str) -> Footprint:
        """Return what is stored of an instance."""
        request = self._pb.StreamInstanceHistoryRequest(instanceId=instance_id)
        chunks = self._stub.StreamInstanceHistory(request, **self._options)
        events = [event for chunk in chunks for event in chunk.events]
        with closing(sqlite3.connect(f"file:{self._store}?mode=ro", uri=True)) as store:
            rows, row_bytes = store.execute(
                f"SELECT count(*), coalesce(sum(size), 0) FROM ({_KEPT})", {"instance": instance_id}
            ).fetchone()
        return Footprint(
            events=len(events),
            history_bytes=sum(event.ByteSize() for event in events),
            rows=rows,
            row_bytes=row_bytes,
        )

    def forget(self, instance_ids: Sequence[str]) -> None:
        """Purge instances, one after the other."""
        for instance_id in instance_ids:
            request = self._pb.PurgeInstancesRequest(instanceId=instance_id, isOrchestration=True)
            self._stub.PurgeInstances(request, **self._options)


def endpoint_of(stack: Stack) -> tuple[str, str]:
    """Return where the stand-in is, as ``host:port``, and the task hub."""
    target, _, hub = stack.url.removeprefix("azure://").partition("/")
    return target, hub
