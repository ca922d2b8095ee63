"""The scheduler's calls for instances, each as a coroutine with plain arguments."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from perdure.errors import InstanceNotFoundError
from perdure.spi.bridge import EVENT_CHANNEL
from perdure.spi.remote.attempts import NoAnswerError
from perdure_azure import sdk
from perdure_azure.faults import PURGING
from perdure_azure.foreign_payloads import is_token
from perdure_azure.mapping import finished_statuses, statuses_to_ask_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from perdure.spi.values import InstanceFilter
    from perdure.types import Status
    from perdure_azure.connection import Connection
    from perdure_azure.foreign_payloads import ForeignPayloads

_IDS_PER_CALL: Final = 1_000
_STATES_PER_CALL: Final = 100
_PAYLOADS: Final = ("input", "output", "customStatus")
_NOBODY: Final = "perdure-probe"

# https://learn.microsoft.com/azure/durable-task/ (orchestration tags, 2026-07-24)
_LONGEST_TAGS: Final = 1_000
_RESERVED_TAG: Final = "durabletask."


class Scheduler:
    """Calls of one hub of one scheduler."""

    def __init__(self, connection: Connection, foreign: ForeignPayloads) -> None:
        self._call = connection.call
        self._foreign = foreign

    async def probe(self, *, seconds: float, patience_seconds: float = 0) -> None:
        """Return if the hub is there and may be read.

        Raises:
            ConfigurationError: There is no such hub.
            AuthenticationFailedError: The token is refused, or its identity has no role.
        """
        request = sdk.pb.GetInstanceRequest(instanceId=_NOBODY)
        try:
            await self._call(
                "GetInstance",
                request,
                action="look up an instance",
                instance_id=_NOBODY,
                seconds=seconds,
                patience_seconds=patience_seconds,
            )
        except InstanceNotFoundError:
            return

    async def state(self, instance_id: str, *, is_whole: bool = True) -> Any | None:
        """Return the state of an instance, payloads included; ``None`` if there is none.

        ``is_whole`` says whether what Microsoft's SDKs have stored elsewhere is fetched.
        """
        request = sdk.pb.GetInstanceRequest(instanceId=instance_id, getInputsAndOutputs=True)
        try:
            found = await self._call(
                "GetInstance", request, action="look up an instance", instance_id=instance_id
            )
        except InstanceNotFoundError:
            return None
        if not found.exists:
            return None
        state = found.orchestrationState
        return await self._whole(state) if is_whole else state

    async def states(self, filter: InstanceFilter) -> AsyncIterator[Any]:
        """Return the states of the instances that may match, with payloads as they are stored.

        By their creation nothing is left out: a client's clock tells another instant of it.
        """
        query = sdk.pb.InstanceQuery(
            runtimeStatus=statuses_to_ask_for(filter.statuses),
            maxInstanceCount=_STATES_PER_CALL,
            fetchInputsAndOutputs=True,
        )
        if filter.id_prefix:
            query.instanceIdPrefix.value = filter.id_prefix
        async for state in self._found(query):
            yield state

    async def instance_ids(self, statuses: tuple[Status, ...]) -> AsyncIterator[str]:
        """Return the ids of instances in one of these statuses.

        Not by ``ListInstanceIds``: that is for instances that have ended.
        """
        query = sdk.pb.InstanceQuery(
            runtimeStatus=statuses_to_ask_for(statuses), maxInstanceCount=_IDS_PER_CALL
        )
        async for state in self._found(query):
            yield state.instanceId

    async def _found(self, query: Any) -> AsyncIterator[Any]:
        while True:
            request = sdk.pb.QueryInstancesRequest(query=query)
            page = await self._call("QueryInstances", request, action="list instances")
            for state in page.orchestrationState:
                yield state
            if not page.continuationToken.value:
                return
            query.continuationToken.value = page.continuationToken.value

    async def events(self, instance_id: str) -> list[Any]:
        """Return the raw history of the current run.

        Raises:
            InstanceNotFoundError: There is no such instance.
        """
        request = sdk.pb.StreamInstanceHistoryRequest(
            instanceId=instance_id, forWorkItemProcessing=False
        )
        chunks = await self._call(
            "StreamInstanceHistory", request, action="read a history", instance_id=instance_id
        )
        for chunk in chunks:
            await self._foreign.resolve_message(chunk, what=f"history of {instance_id!r}")
        return [event for chunk in chunks for event in chunk.events]

    async def start(
        self,
        instance_id: str,
        *,
        workflow: str,
        text: str,
        tags: Mapping[str, str],
        replaces_finished: bool,
    ) -> None:
        """Start an instance. The look for another of that id is in the same step.

        Raises:
            TakenError: One has the id, and is not to be replaced.
        """
        request = sdk.pb.CreateInstanceRequest(
            instanceId=instance_id, name=workflow, input=sdk.StringValue(value=text)
        )
        if _fits(tags):
            request.tags.update(tags)
        # Without a policy it would be up to the scheduler what becomes of a finished instance of
        # the id; one that names no status replaces none ("Reusing orchestration instance IDs",
        # README of microsoft/durabletask-js, 2026-08).
        request.orchestrationIdReusePolicy.SetInParent()
        if replaces_finished:
            request.orchestrationIdReusePolicy.replaceableStatus.extend(finished_statuses())
        # No instance id in this call: what is not found cannot be the instance.
        await self._call("StartInstance", request, action="start an instance", is_repeatable=False)

    async def raise_event(self, instance_id: str, *, text: str) -> None:
        """Put an event on perdure's channel of an instance.

        Raises:
            InstanceNotFoundError: There is no such instance.
        """
        request = sdk.pb.RaiseEventRequest(
            instanceId=instance_id, name=EVENT_CHANNEL, input=sdk.StringValue(value=text)
        )
        await self._change("RaiseEvent", request, "raise an event", instance_id)

    async def terminate(self, instance_id: str, *, text: str) -> None:
        """Have an instance ended, and nobody else."""
        request = sdk.pb.TerminateRequest(
            instanceId=instance_id, output=sdk.StringValue(value=text), recursive=False
        )
        await self._change("TerminateInstance", request, "terminate an instance", instance_id)

    async def suspend(self, instance_id: str, *, reason: str) -> None:
        """Have an instance held."""
        reason_text = sdk.StringValue(value=json.dumps(reason))
        request = sdk.pb.SuspendRequest(instanceId=instance_id, reason=reason_text)
        await self._change("SuspendInstance", request, "suspend an instance", instance_id)

    async def resume(self, instance_id: str, *, reason: str) -> None:
        """Have a hold lifted."""
        reason_text = sdk.StringValue(value=json.dumps(reason))
        request = sdk.pb.ResumeRequest(instanceId=instance_id, reason=reason_text)
        await self._change("ResumeInstance", request, "resume an instance", instance_id)

    async def purge(self, instance_id: str) -> bool:
        """Delete a finished instance, and nobody else; return whether there was one."""
        request = sdk.pb.PurgeInstancesRequest(
            instanceId=instance_id, recursive=False, isOrchestration=True
        )
        answer = await self._call(
            "PurgeInstances", request, action=PURGING, instance_id=instance_id
        )
        return bool(answer.deletedInstanceCount)

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
        return await self._whole(found.orchestrationState) if found.exists else None

    async def _whole(self, state: Any) -> Any:
        """Return a state with what Microsoft's SDKs have stored elsewhere, if that can be read."""
        if any(is_token(getattr(state, field).value) for field in _PAYLOADS):
            what = f"a payload of workflow instance {state.instanceId!r}"
            await self._foreign.resolve_message(state, what=what)
        return state

    async def _change(self, method: str, request: Any, action: str, instance_id: str) -> None:
        await self._call(
            method, request, action=action, instance_id=instance_id, is_repeatable=False
        )


def _fits(tags: Mapping[str, str]) -> bool:
    """Return whether the scheduler takes these tags; they are in the input all the same."""
    is_reserved = any(name.startswith(_RESERVED_TAG) for name in tags)
    return not is_reserved and len(json.dumps(dict(tags))) <= _LONGEST_TAGS
