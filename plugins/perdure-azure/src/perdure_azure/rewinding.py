"""Rewinding, as a tool of Microsoft's asks for it: refused, and the instance fails as before.

The SDK takes failed activities out of the history and has the code ask for them again. That would
not be right here: a redelivered attempt is answered from the record of results, and the timers
between attempts would fit no more. ``perdure rerun`` does what is wanted. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure_azure import sdk

if TYPE_CHECKING:
    from collections.abc import Sequence


def refusal(instance_id: str, past: Sequence[Any]) -> Any:
    """Return the action that ends an instance once more, the way it had ended.

    Args:
        instance_id: Which one.
        past: Its history.
    """
    details = sdk.pb.TaskFailureDetails()
    for event in past:
        if event.HasField("executionCompleted"):
            details.CopyFrom(event.executionCompleted.failureDetails)
    # perdure reads the last line alone, where all that is known of the failure stands.
    details.errorMessage = f"{advice(instance_id)}\n{details.errorMessage}"
    status = sdk.pb.ORCHESTRATION_STATUS_FAILED
    return sdk.helpers.new_complete_orchestration_action(-1, status, None, details)


def advice(instance_id: str) -> str:
    """Return what to do instead."""
    return (
        f"workflow instance {instance_id!r} is perdure's and was not rewound; type: perdure "
        f"history {instance_id} -o wide, and then: perdure rerun {instance_id} --from-command N"
    )
