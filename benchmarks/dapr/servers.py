"""The Dapr stack that both sides use, and what it keeps of an instance."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import grpc
from dapr.ext.workflow._durabletask.internal import orchestrator_service_pb2_grpc, protos

from benchmarks.beside.results import Footprint, Spent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.stack import Stack

_CALL_SECONDS = 60


class DaprServers:
    """Servers of a stack, asked by raw calls, the same for both sides."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._store = stack.folder.state / "workflows.db"
        address = stack.url.removeprefix("dapr://").partition("?")[0]
        self._channel = grpc.insecure_channel(
            address, options=[("grpc.max_receive_message_length", -1)]
        )
        self._stub: Any = orchestrator_service_pb2_grpc.TaskHubSidecarServiceStub(
            self._channel  # type: ignore[no-untyped-call]  # generated
        )
        self._pb: Any = protos

    def close(self) -> None:
        """Hang up."""
        self._channel.close()

    def spent(self) -> dict[str, Spent]:
        """Return what each server has spent."""
        return {
            name: Spent(cpu_seconds=usage.cpu_seconds, memory_bytes=usage.memory_bytes)
            for name, usage in self._stack.usage().items()
        }

    def footprint(self, instance_id: str) -> Footprint:
        """Return what is stored of an instance."""
        request = self._pb.GetInstanceHistoryRequest(instanceId=instance_id)
        events = self._stub.GetInstanceHistory(request, timeout=_CALL_SECONDS).events
        with closing(sqlite3.connect(f"file:{self._store}?mode=ro", uri=True)) as store:
            rows, row_bytes = store.execute(
                "SELECT count(*), coalesce(sum(length(key) + length(value)), 0) FROM state"
                " WHERE key LIKE :pattern",
                {"pattern": f"%||{instance_id}||%"},
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
            request = self._pb.PurgeInstancesRequest(instanceId=instance_id, recursive=False)
            self._stub.PurgeInstances(request, timeout=_CALL_SECONDS)
