"""Tool calls of which nobody knows whether they took place, and who is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import perdure
from perdure.approvals import ApprovalClosedError
from perdure_agent_framework.errors import ToolOutcomeUnknownError

if TYPE_CHECKING:
    from perdure_agent_framework.policies import ToolPolicy
    from perdure_agent_framework.tools.places import Call


async def told_of_unknown_outcome(call: Call, policy: ToolPolicy, *, reason: str) -> str:
    """Return what the model is told in place of the result, after a human was asked if need be.

    Raises:
        BudgetExceededError: The run's time is used up.
        ToolOutcomeUnknownError: The policy says that the run fails.
    """
    tool, spending = call.tool.name, call.scope.spending
    if policy.on_outcome_unknown == "fail":
        raise ToolOutcomeUnknownError(tool=tool, reason=reason)
    if policy.on_outcome_unknown == "tell_model":
        return _unknown(tool, reason)
    try:
        decision = await perdure.request_approval(
            f"outcome of {tool}",
            message=(
                f"Did this call of {tool} take place? Nobody knows: {reason}. Approve if it did, "
                "with the result as the note; deny if it did not."
            ),
            arguments=call.arguments_to_json(),
            agent=call.scope.agent,
            tool=tool,
            session=call.scope.session_id,
            path=call.scope.path,
            deadline=spending.deadline(None),
        )
    except ApprovalClosedError:
        return _unknown(tool, reason)
    spending.check_time()
    if decision.approved:
        return decision.note or f"The call of {tool} took place. Its result was not kept."
    note = f" {decision.note}" if decision.note else ""
    return f"Error: The call of {tool} did not take place. It may be made again.{note}"


def _unknown(tool: str, reason: str) -> str:
    return (
        f"Error: Whether this call of {tool} took place is unknown: {reason}. Do not simply make "
        "it again: find out first whether it took place, or tell the user."
    )
