"""A task hub as tests use it: Microsoft's own client and worker, and the bare protocol."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any, Final

import grpc
from durabletask.azuremanaged.client import DurableTaskSchedulerClient
from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker
from durabletask.internal import orchestrator_service_pb2 as pb
from durabletask.internal.orchestrator_service_pb2_grpc import TaskHubSidecarServiceStub
from durabletask.worker import ConcurrencyOptions
from google.protobuf.empty_pb2 import Empty

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from azure_kit.stand_in import StandIn

PATIENCE: Final = 20.0
_QUIET: Final = logging.getLogger("azure_kit.quiet")
_QUIET.setLevel(logging.CRITICAL + 1)


class Hub:
    """One task hub of a server, with the calls that tests make most."""

    def __init__(self, server: StandIn, name: str) -> None:
        self.server = server
        self.name = name
        self._open = contextlib.ExitStack()
        self.channel = self._open.enter_context(grpc.insecure_channel(server.address))
        self.stub: Any = HubStub(self.channel, name)
        self.client = self._open.enter_context(
            DurableTaskSchedulerClient(
                host_address=server.address,
                taskhub=name,
                token_credential=None,
                secure_channel=False,
                logger=_QUIET,
            )
        )

    def close(self) -> None:
        self._open.close()

    @contextlib.contextmanager
    def worker(
        self, *orchestrators: Callable[..., Any], activities: tuple[Callable[..., Any], ...] = ()
    ) -> Iterator[DurableTaskSchedulerWorker]:
        """Run Microsoft's worker."""
        worker = DurableTaskSchedulerWorker(
            host_address=self.server.address,
            taskhub=self.name,
            token_credential=None,
            secure_channel=False,
            logger=_QUIET,
            concurrency_options=ConcurrencyOptions(maximum_thread_pool_workers=8),
        )
        for orchestrator in orchestrators:
            worker.add_orchestrator(orchestrator)
        for activity in activities:
            worker.add_activity(activity)
        worker.start()  # type: ignore[no-untyped-call]  # the SDK has no types here
        try:
            yield worker
        finally:
            worker.stop()  # type: ignore[no-untyped-call]  # the SDK has no types here

    def start(self, name: str = "job", instance_id: str = "", **fields: Any) -> str:
        """Start an instance through the bare protocol."""
        request = pb.CreateInstanceRequest(name=name, instanceId=instance_id, **fields)
        instance: str = self.stub.StartInstance(request).instanceId
        return instance

    def state(self, instance_id: str, *, payloads: bool = True) -> pb.OrchestrationState:
        request = pb.GetInstanceRequest(instanceId=instance_id, getInputsAndOutputs=payloads)
        answer = self.stub.GetInstance(request)
        assert answer.exists, instance_id
        state: pb.OrchestrationState = answer.orchestrationState
        return state

    def finished(self, instance_id: str) -> pb.OrchestrationState:
        """Wait until an instance has finished."""
        request = pb.GetInstanceRequest(instanceId=instance_id, getInputsAndOutputs=True)
        answer = self.stub.WaitForInstanceCompletion(request)
        assert answer.exists, instance_id
        state: pb.OrchestrationState = answer.orchestrationState
        return state

    def history(self, instance_id: str) -> list[pb.HistoryEvent]:
        request = pb.StreamInstanceHistoryRequest(instanceId=instance_id)
        return [
            event for chunk in self.stub.StreamInstanceHistory(request) for event in chunk.events
        ]

    def actions(self) -> dict[str, Any]:
        return self.server.admin(f"/actions?hub={self.name}")

    def calls(self) -> dict[str, Any]:
        return self.server.admin(f"/calls?hub={self.name}")


class HubStub:
    """The generated stub, with the hub's header and a deadline on every call."""

    def __init__(self, channel: grpc.Channel, hub: str, **headers: str) -> None:
        self._stub = TaskHubSidecarServiceStub(channel)  # type: ignore[no-untyped-call]  # generated
        self._metadata = [("taskhub", hub), *headers.items()]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._stub, name)

        def call(request: Any = None, timeout: float = PATIENCE) -> Any:
            message = Empty() if request is None else request
            return method(message, metadata=self._metadata, timeout=timeout)

        return call


class BareWorker:
    """A worker that answers one work item at a time, as a test tells it."""

    def __init__(self, hub: Hub, **limits: Any) -> None:
        self._hub = hub
        self._stream = hub.stub.GetWorkItems(pb.GetWorkItemsRequest(**limits))

    def __enter__(self) -> BareWorker:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        self._stream.cancel()

    def next(self) -> pb.WorkItem:
        """Wait for the next work item."""
        item: pb.WorkItem = next(self._stream)
        return item

    def complete(self, item: pb.WorkItem, *actions: pb.OrchestratorAction, **fields: Any) -> None:
        """Answer an orchestrator's work item with these actions."""
        self._hub.stub.CompleteOrchestratorTask(
            pb.OrchestratorResponse(
                instanceId=item.orchestratorRequest.instanceId,
                actions=actions,
                completionToken=item.completionToken,
                **fields,
            )
        )

    def give(self, item: pb.WorkItem, result: str | None = None) -> None:
        """Answer an activity's work item with its result."""
        self._hub.stub.CompleteActivityTask(
            pb.ActivityResponse(
                instanceId=item.activityRequest.orchestrationInstance.instanceId,
                taskId=item.activityRequest.taskId,
                result=None if result is None else {"value": result},
                completionToken=item.completionToken,
            )
        )
