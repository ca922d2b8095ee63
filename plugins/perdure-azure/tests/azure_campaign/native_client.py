"""The calls of the twin's client, by Microsoft's own SDK."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final

import grpc
from azure_campaign import native_shapes
from durabletask.azuremanaged.client import DurableTaskSchedulerClient

from tests.campaign.client import Calls, Ending, NotReachedError, StillRunningError

if TYPE_CHECKING:
    from tests.campaign.schedule import Duty

_SLICE_SECONDS: Final = 3


class NativeCalls:
    """What Microsoft's client can do, put so that a call may be made again."""

    def __init__(self, target: str) -> None:
        self._client: Any = DurableTaskSchedulerClient(
            host_address=target, taskhub="default", token_credential=None, secure_channel=False
        )

    def start(self, duty: Duty) -> None:
        """Start an instance, unless it is there already."""
        try:
            if self._client.get_orchestration_state(duty.instance_id) is None:
                self._client.schedule_new_orchestration(
                    duty.workflow,
                    input=native_shapes.start_input(duty.workflow, duty.instance_id),
                    instance_id=duty.instance_id,
                )
        except grpc.RpcError as error:
            raise NotReachedError(str(error)) from error

    def send(self, duty: Duty, number: int) -> None:
        """Send a number to an instance."""
        try:
            self._client.raise_orchestration_event(duty.instance_id, "number", data=number)
        except grpc.RpcError as error:
            raise NotReachedError(str(error)) from error

    def end(self, duty: Duty) -> Ending:
        """Wait a while for the end of an instance, and return it."""
        try:
            state = self._client.wait_for_orchestration_completion(
                duty.instance_id, timeout=_SLICE_SECONDS
            )
        except TimeoutError as error:
            raise StillRunningError from error
        except grpc.RpcError as error:
            raise NotReachedError(str(error)) from error
        if state is None:
            raise StillRunningError
        status = state.runtime_status.name.lower()
        if status == "completed":
            result = json.loads(state.serialized_output or "null")
            return Ending(instance_id=duty.instance_id, status=status, result=result)
        failure = str(getattr(state.failure_details, "message", state.failure_details))
        return Ending(instance_id=duty.instance_id, status=status, failure=failure)


def make_calls(backend: str) -> Calls:
    """Return the calls."""
    del backend
    return NativeCalls(os.environ["CAMPAIGN_TARGET"])
