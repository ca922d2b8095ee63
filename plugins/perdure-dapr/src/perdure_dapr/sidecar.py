"""The sidecar's calls for workflows, each as a coroutine with plain arguments."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from perdure.spi.bridge import EVENT_CHANNEL
from perdure.spi.remote.attempts import NoAnswerError
from perdure.spi.remote.calls import DEADLINE_SECONDS, PATIENCE_SECONDS
from perdure_dapr import sdk
from perdure_dapr.faults import NotHostedError

if TYPE_CHECKING:
    from perdure_dapr.connection import Connection

_IDS_PER_CALL: Final = 1_000
_LONG_AGO_SECONDS: Final = 60
_ACTORS: Final = "dapr.internal."
_WORKFLOW_ACTORS: Final = ".workflow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a sidecar says of itself.

    Attributes:
        app_id: Its app id, which is the hub.
        version: Of the runtime.
        placement: How the connection to placement stands, in Dapr's words.
        is_actor_host: Whether its actor runtime is ready.
        has_scheduler: Whether it is connected to a scheduler.
        stores: State stores by name, with their capabilities.
        is_hosting: Whether it hosts the actors of workflows itself.
        connected_workers: How many streams of work items are open on it.
    """

    app_id: str
    version: str
    placement: str
    is_actor_host: bool
    has_scheduler: bool
    stores: dict[str, frozenset[str]]
    is_hosting: bool
    connected_workers: int


class Sidecar:
    """Calls of one sidecar."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._call = connection.call

    async def hello(self, *, seconds: float, patience_seconds: float = 0) -> None:
        """Return if the workflow service answers."""
        await self._call(
            "Hello",
            sdk.Empty(),
            action="greet",
            seconds=seconds,
            patience_seconds=patience_seconds,
        )

    async def metadata(
        self, *, seconds: float = DEADLINE_SECONDS, patience_seconds: float = PATIENCE_SECONDS
    ) -> Metadata:
        """Return what it says of itself."""
        said = await self._call(
            "GetMetadata",
            sdk.metadata_request(),
            action="describe itself",
            seconds=seconds,
            patience_seconds=patience_seconds,
        )
        return Metadata(
            app_id=said.id,
            version=said.runtime_version,
            placement=said.actor_runtime.placement,
            is_actor_host=said.actor_runtime.host_ready,
            has_scheduler=bool(said.scheduler.connected_addresses),
            stores={
                each.name: frozenset(each.capabilities)
                for each in said.registered_components
                if each.type.startswith("state.")
            },
            is_hosting=any(
                each.type.startswith(_ACTORS) and each.type.endswith(_WORKFLOW_ACTORS)
                for each in said.actor_runtime.active_actors
            ),
            connected_workers=said.workflows.connected_workers,
        )

    async def state(self, instance_id: str) -> Any | None:
        """Return the state of an instance, payloads included; ``None`` if there is none.

        Raises:
            TornReadError: It is not whole, and was not in any of many looks.
        """
        request = sdk.pb.GetInstanceRequest(instanceId=instance_id, getInputsAndOutputs=True)
        found = await self._call(
            "GetInstance", request, action="look up an instance", instance_id=instance_id
        )
        return found.workflowState if found.exists else None

    async def events(self, instance_id: str) -> list[Any]:
        """Return the raw history of the current run.

        Raises:
            InstanceNotFoundError: There is none.
        """
        request = sdk.pb.GetInstanceHistoryRequest(instanceId=instance_id)
        found = await self._call(
            "GetInstanceHistory", request, action="read a history", instance_id=instance_id
        )
        return list(found.events)

    async def instance_ids(self) -> list[str]:
        """Return the ids of all instances."""
        ids: list[str] = []
        token: str | None = None
        while True:
            request = sdk.pb.ListInstanceIDsRequest(pageSize=_IDS_PER_CALL, continuationToken=token)
            page = await self._call("ListInstanceIDs", request, action="list instances")
            ids += page.instanceIds
            token = page.continuationToken or None
            if token is None:
                return ids

    async def start(self, instance_id: str, *, workflow: str, text: str) -> None:
        """Start an instance, in the place of a finished one if there is one.

        Raises:
            TakenError: An active instance has the id.
            AwaitingActivityError: A terminated one has it, and cannot be replaced yet.
            NotHostedError: No worker is connected.
        """
        # With an instant to start at the sidecar returns as soon as the start is durable, and does
        # not wait for a worker to take the first turn. One that has passed is now.
        begin = sdk.Timestamp(seconds=int(time.time()) - _LONG_AGO_SECONDS)
        request = sdk.pb.CreateInstanceRequest(
            instanceId=instance_id,
            name=workflow,
            input=sdk.StringValue(value=text),
            scheduledStartTimestamp=begin,
        )
        await self._call(
            "StartInstance",
            request,
            action="start an instance",
            instance_id=instance_id,
            is_repeatable=False,
        )

    async def raise_event(self, instance_id: str, *, text: str, name: str = EVENT_CHANNEL) -> None:
        """Put an event into an instance's inbox.

        Raises:
            StalledError: The sidecar holds the instance.
            NotHostedError: No worker is connected.
        """
        request = sdk.pb.RaiseEventRequest(
            instanceId=instance_id, name=name, input=sdk.StringValue(value=text)
        )
        await self._call(
            "RaiseEvent",
            request,
            action="raise an event",
            instance_id=instance_id,
            is_repeatable=False,
        )

    async def terminate(self, instance_id: str, *, text: str) -> None:
        """End an instance and nobody else; returns once it has ended."""
        request = sdk.pb.TerminateRequest(
            instanceId=instance_id, output=sdk.StringValue(value=text), recursive=False
        )
        await self._call(
            "TerminateInstance", request, action="terminate an instance", instance_id=instance_id
        )

    async def suspend(self, instance_id: str, *, reason: str) -> None:
        """Hold an instance; returns once it is held."""
        request = sdk.pb.SuspendRequest(
            instanceId=instance_id, reason=sdk.StringValue(value=reason)
        )
        await self._call(
            "SuspendInstance", request, action="suspend an instance", instance_id=instance_id
        )

    async def resume(self, instance_id: str, *, reason: str) -> None:
        """Lift a hold; returns once the instance runs."""
        request = sdk.pb.ResumeRequest(instanceId=instance_id, reason=sdk.StringValue(value=reason))
        await self._call(
            "ResumeInstance", request, action="resume an instance", instance_id=instance_id
        )

    async def purge(self, instance_id: str) -> None:
        """Delete an instance that has finished, and nobody else.

        Raises:
            InstanceNotFoundError: There is none.
        """
        request = sdk.pb.PurgeInstancesRequest(instanceId=instance_id, recursive=False)
        await self._call(
            "PurgeInstances", request, action="purge an instance", instance_id=instance_id
        )

    async def completion(self, instance_id: str, *, seconds: float) -> Any | None:
        """Wait so long for an instance to end; return its state then, payloads included."""
        request = sdk.pb.GetInstanceRequest(instanceId=instance_id, getInputsAndOutputs=True)
        try:
            found = await self._call(
                "WaitForInstanceCompletion",
                request,
                action="wait for an instance",
                instance_id=instance_id,
                seconds=seconds,
            )
        except NoAnswerError as error:
            if error.is_late:
                return None
            raise
        return found.workflowState if found.exists else None

    async def answers(self, *, seconds: float) -> bool:
        """Return whether calls for workflows are answered now, by whichever sidecar of the app.

        Asks for the purge of what is never there.
        """
        request = sdk.pb.PurgeInstancesRequest(instanceId=_NOBODY)
        try:
            await self._call("PurgeInstances", request, action="be probed", seconds=seconds)
        except NotHostedError:
            return False
        except NoAnswerError as error:
            if error.is_late:
                return False
            raise
        except LookupError:
            return True
        return True


_NOBODY: Final = "perdure-probe"
