"""The calls of the twin's client, by Dapr's own SDK."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import dapr.ext.workflow as wf
import grpc
from campaign import native_shapes

from tests.campaign.client import Calls, Ending, NotReachedError, StillRunningError

if TYPE_CHECKING:
    from tests.campaign.schedule import Duty

_SLICE_SECONDS: Final = 3


class NativeCalls:
    """What Dapr's client can do, put so that a call may be made again."""

    def __init__(self) -> None:
        self._client = wf.DaprWorkflowClient()

    def start(self, duty: Duty) -> None:
        """Start an instance, unless it is there already.

        Dapr would begin one anew that has ended, so it is looked for first.
        """
        try:
            if self._client.get_workflow_state(duty.instance_id) is None:
                self._client.schedule_new_workflow(
                    duty.workflow,
                    input=native_shapes.start_input(duty.workflow, duty.instance_id),
                    instance_id=duty.instance_id,
                )
        except grpc.RpcError as error:
            raise NotReachedError(str(error)) from error

    def send(self, duty: Duty, number: int) -> None:
        """Send a number to an instance."""
        try:
            self._client.raise_workflow_event(duty.instance_id, "number", data=number)
        except grpc.RpcError as error:
            raise NotReachedError(str(error)) from error

    def end(self, duty: Duty) -> Ending:
        """Wait a while for the end of an instance, and return it."""
        try:
            state = self._client.wait_for_workflow_completion(
                duty.instance_id, timeout_in_seconds=_SLICE_SECONDS
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
    """Return the calls; the SDK finds its sidecar by Dapr's own variables."""
    del backend
    return NativeCalls()
