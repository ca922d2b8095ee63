"""The calls of perdure's client."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import perdure
from tests.campaign import shapes
from tests.campaign.client import Calls, Ending, NotReachedError, StillRunningError

if TYPE_CHECKING:
    from tests.campaign.schedule import Duty

_SLICE: Final = timedelta(seconds=3)


class PerdureCalls:
    """What perdure's client can do.

    Args:
        backend: The setting that reaches it.
    """

    def __init__(self, backend: str) -> None:
        self._client = perdure.App("crash", backend=backend).client().__enter__()

    def start(self, duty: Duty) -> None:
        """Start an instance, unless it is there already."""
        try:
            self._client.start(
                duty.workflow,
                arguments=shapes.start_arguments(duty.workflow, duty.instance_id),
                instance_id=duty.instance_id,
                if_exists="attach",
            )
        except (perdure.BackendUnavailableError, TimeoutError) as error:
            raise NotReachedError(str(error)) from error

    def send(self, duty: Duty, number: int) -> None:
        """Send a number to an instance."""
        try:
            self._client.get(None, duty.instance_id).raise_event("number", number)
        except perdure.InstanceFinishedError:
            return  # the same number has arrived before, and was the last
        except (perdure.BackendUnavailableError, TimeoutError) as error:
            raise NotReachedError(str(error)) from error

    def end(self, duty: Duty) -> Ending:
        """Wait a while for the end of an instance and its relatives, and return it."""
        ending = self._end_of(duty.instance_id)
        if duty.workflow != shapes.FOUNDER or ending.failure:
            return ending
        heir = self._end_of(shapes.heir_of(duty.instance_id))
        ward = self._end_of(shapes.ward_of(duty.instance_id))
        problem = shapes.problem_with("chain", f"{duty.instance_id}/heir", heir.result)
        if ward.status != "terminated":
            problem += f"; the ward is {ward.status}"
        return Ending(
            instance_id=duty.instance_id,
            status=ending.status if not problem else "wrong",
            result=ending.result,
            failure=problem,
        )

    def _end_of(self, instance_id: str) -> Ending:
        handle = self._client.get(None, instance_id)
        try:
            status = handle.wait(timeout=_SLICE).status
            if status is perdure.Status.COMPLETED:
                result = handle.result(timeout=_SLICE)
                return Ending(instance_id=instance_id, status=str(status), result=result)
            handle.result(timeout=_SLICE)
        except (perdure.WorkflowFailedError, perdure.WorkflowTerminatedError) as error:
            return Ending(instance_id=instance_id, status=str(status), failure=str(error))
        except (TimeoutError, perdure.InstanceNotFoundError, perdure.WorkflowStalledError) as error:
            # The child of a workflow that has ended may be begun a moment later.
            raise StillRunningError(str(error)) from error
        except perdure.BackendUnavailableError as error:
            raise NotReachedError(str(error)) from error
        raise StillRunningError(f"it is {status}")


def make_calls(backend: str) -> Calls:
    """Return the calls."""
    return PerdureCalls(backend)
