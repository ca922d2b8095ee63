"""The built-in workflow ``perdure.approval``: waits for one answer, or for its deadline."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING

from perdure._definition import Code
from perdure._replay.current import require_executor
from perdure.approvals.record import (
    ANSWER_EVENT,
    APPROVAL_WORKFLOW,
    ApprovalAnswer,
    ApprovalDecision,
    ApprovalOutcome,
    ApprovalRequest,
    ApprovalState,
)
from perdure.errors import InstanceFinishedError, PayloadError
from perdure.workflow import Workflow
from perdure.workflow_functions import logger, now, set_custom_status

if TYPE_CHECKING:
    from perdure.payloads import ValueConverter
    from perdure.spi.backend import Backend

_log = logger(__name__)
_MOST_SHOWN = 100


async def keep_approval(request: ApprovalRequest) -> ApprovalOutcome:
    """Wait for the first answer that can be read; at the deadline, decide by the default."""
    _show(request, ApprovalState.WAITING)
    seconds = None
    if request.deadline is not None:
        seconds = max(0.0, (request.deadline - now()).total_seconds())
    try:
        async with asyncio.timeout(seconds):
            outcome = _answered(request, await _first_answer())
    except TimeoutError:
        outcome = _by_default(request)
    by = None if outcome.decision is None else outcome.decision.by
    _show(request, outcome.state, by=by)
    return outcome


async def close_approval(backend: Backend, approval_id: str, reason: str) -> None:
    """Tell an approval that whoever asked waits no longer: a built-in activity.

    Raises:
        InstanceNotFoundError: It has not been started yet.
    """
    answer = ApprovalAnswer(verdict="close", by="", note=reason)
    try:
        await backend.raise_event(approval_id, ANSWER_EVENT, answers().encode(answer))
    except InstanceFinishedError:
        return  # an answer, or the deadline, was faster


@functools.cache
def answers() -> ValueConverter:
    """Return the converter of answers."""
    from perdure.payloads import ValueConverter

    return ValueConverter(ApprovalAnswer, what="answer to an approval")


def _built_in() -> Workflow[[ApprovalRequest], ApprovalOutcome]:
    made = Workflow(keep_approval, name="approval")
    made.name = APPROVAL_WORKFLOW  # which is reserved, so that no app can have it
    made.code = Code("workflow", APPROVAL_WORKFLOW, keep_approval)
    return made


approval = _built_in()


async def _first_answer() -> ApprovalAnswer:
    executor = require_executor("waiting for an answer")
    while True:
        payload = await executor.wait_for_event(ANSWER_EVENT)
        try:
            answer: ApprovalAnswer = answers().decode(payload)
        except PayloadError as error:
            # Only a client that is not ours sends such; people must still be able to answer.
            _log.warning("an answer cannot be read and is passed over: %s", error)
        else:
            return answer


def _answered(request: ApprovalRequest, answer: ApprovalAnswer) -> ApprovalOutcome:
    if answer.verdict == "close":
        return ApprovalOutcome(state=ApprovalState.CLOSED, reason=answer.note)
    approved = answer.verdict == "approve"
    decision = ApprovalDecision(
        approved=approved,
        arguments=request.arguments if answer.arguments is None else answer.arguments,
        by=answer.by,
        note=answer.note,
        decided_at=now(),
    )
    state = ApprovalState.APPROVED if approved else ApprovalState.DENIED
    return ApprovalOutcome(state=state, decision=decision)


def _by_default(request: ApprovalRequest) -> ApprovalOutcome:
    if request.default == "fail":
        return ApprovalOutcome(state=ApprovalState.EXPIRED)
    approved = request.default == "approve"
    decision = ApprovalDecision(
        approved=approved, arguments=request.arguments, decided_at=now(), is_default=True
    )
    state = ApprovalState.APPROVED if approved else ApprovalState.DENIED
    return ApprovalOutcome(state=state, decision=decision)


def _show(request: ApprovalRequest, state: ApprovalState, *, by: str | None = None) -> None:
    """Show the state in few words, for lists of instances; the whole record is input and result."""
    deadline = None if request.deadline is None else request.deadline.isoformat(timespec="seconds")
    shown = {
        "state": state.value,
        "name": request.name,
        "agent": request.agent,
        "tool": request.tool,
        "deadline": deadline if state is ApprovalState.WAITING else None,
        "by": by,
    }
    set_custom_status({key: text[:_MOST_SHOWN] for key, text in shown.items() if text is not None})
