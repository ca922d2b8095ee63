"""Asking for approval, in a workflow."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, get_args

from perdure._checks import check_choice, check_timeout
from perdure._replay.current import require_executor
from perdure._replay.definition import ActivityCall
from perdure.approvals.errors import ApprovalClosedError, ApprovalExpiredError
from perdure.approvals.record import (
    CLOSE_ACTIVITY,
    ApprovalDecision,
    ApprovalDefault,
    ApprovalRequest,
    ApprovalState,
)
from perdure.approvals.workflow import approval
from perdure.errors import ActivityError, WorkflowFailedError, WorkflowTerminatedError
from perdure.names import check_instance_id
from perdure.types import RetryPolicy
from perdure.workflow_functions import current_workflow, logger, now, start_child

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from perdure._replay.executor import WorkflowExecutor
    from perdure.approvals.record import ApprovalOutcome
    from perdure.workflow_functions import ChildHandle

_log = logger(__name__)
# The record may be closed in the very moment in which it is opened, and then is not there yet.
_CLOSING_RETRY = RetryPolicy(max_attempts=10, initial_interval=timedelta(seconds=1))


class PendingApproval:
    """An approval that was asked for.

    Attributes:
        id: Its id.
        request: What was asked.
    """

    def __init__(self, child: ChildHandle[ApprovalOutcome], request: ApprovalRequest) -> None:
        self.id = child.instance_id
        self.request = request
        self._child = child

    async def decision(self) -> ApprovalDecision:
        """Wait for the decision. Giving the wait up leaves the approval open; see :meth:`close`.

        Raises:
            ApprovalClosedError: It was closed by force.
            ApprovalExpiredError: Its deadline has passed, and its default is to fail.
            InstanceAlreadyExistsError: It was not opened, because its id was taken.
        """
        try:
            outcome = await self._child.result()
        except WorkflowTerminatedError as error:
            reason = error.reason or "it was terminated"
            raise ApprovalClosedError(approval_id=self.id, reason=reason) from error
        except WorkflowFailedError as error:
            raise ApprovalClosedError(approval_id=self.id, reason=str(error)) from error
        if outcome.decision is not None:
            return outcome.decision
        deadline = self.request.deadline
        if outcome.state is ApprovalState.EXPIRED and deadline is not None:
            raise ApprovalExpiredError(
                approval_id=self.id, deadline=deadline, default=self.request.default
            )
        raise ApprovalClosedError(approval_id=self.id, reason=outcome.reason)

    def close(self, *, reason: str = "whoever asked waits no longer") -> None:
        """Close the approval, so that nobody answers it in vain; it is done in the background.

        It does nothing to one that has been decided.
        """
        executor = require_executor("closing an approval")
        task = asyncio.get_running_loop().create_task(_close(executor, self.id, reason))
        task.set_name(f"close {self.id}")


class ApprovalOptions(TypedDict, total=False):
    """What an approval may say beside its name.

    Attributes:
        arguments: What it is about, made of JSON types. They may be edited: go on with those of the
            decision.
        message: The question, for people.
        agent: The agent that asks, if one does.
        tool: The tool that is to be called, if it is about one.
        session: The conversation it belongs to, in your own words.
        path: Through which sub-agents the question came up, outermost first.
        root_id: The instance at the top, by which approvals can be listed; by default the parent of
            the one that asks, or that one itself where it has none.
        deadline: How long to wait; without one, for ever.
        default: What to decide at the deadline: ``deny`` (if not given), ``approve``, or ``fail``,
            which raises ``ApprovalExpiredError``.
        approvers: Who may answer; empty is anybody.
        approval_id: Its id; by default one made of the id of the instance that asks.
    """

    arguments: Any
    message: str
    agent: str | None
    tool: str | None
    session: str | None
    path: Iterable[str]
    root_id: str | None
    deadline: timedelta | None
    default: ApprovalDefault
    approvers: Iterable[str]
    approval_id: str | None


def request_approval(
    name: str, /, **options: Unpack[ApprovalOptions]
) -> Coroutine[Any, Any, ApprovalDecision]:
    """Return the coroutine of a decision that people make, by ``client.approvals`` or the CLI.

    The question is a durable record from when the coroutine first runs. It is closed when the wait
    is given up, and when this workflow ends.

    Args:
        name: What is to be approved, in a word: ``"refund"``.
        **options: See :class:`~perdure.approvals.asking.ApprovalOptions`.

    Raises:
        ApprovalClosedError: It was closed by force. (From the coroutine.)
        ApprovalExpiredError: The deadline has passed, and the default is to fail. (Likewise.)
        InstanceAlreadyExistsError: ``approval_id`` is taken. (Likewise.)
        InvalidInstanceIdError: Not every backend can take an id.
        NotInWorkflowError: No workflow runs here.
        PayloadError: The arguments are not made of JSON types. (From the coroutine.)
        TypeError: An option is of the wrong type, or there is no such option.
        ValueError: An option has a value that cannot be.
    """
    request = _request(name, options)
    return _decision(request, _approval_id(options))


def open_approval(name: str, /, **options: Unpack[ApprovalOptions]) -> PendingApproval:
    """Ask for approval and go on; ``request_approval`` in two halves.

    Raises as :func:`request_approval`.
    """
    return _open(_request(name, options), _approval_id(options))


async def _decision(request: ApprovalRequest, approval_id: str | None) -> ApprovalDecision:
    pending = _open(request, approval_id)
    try:
        return await pending.decision()
    except asyncio.CancelledError:
        pending.close()
        raise


def _open(request: ApprovalRequest, approval_id: str | None) -> PendingApproval:
    # The deadline counts from here, and not from when a worker comes to the record.
    return PendingApproval(start_child(approval.bind(request), instance_id=approval_id), request)


def _request(name: str, options: ApprovalOptions) -> ApprovalRequest:
    require_executor("perdure.request_approval(…)")
    for option in options:
        if option not in ApprovalOptions.__annotations__:
            known = ", ".join(sorted(ApprovalOptions.__annotations__))
            raise TypeError(f"no option {option!r}; known: {known}")
    default = options.get("default", "deny")
    check_choice("default", default, get_args(ApprovalDefault))
    deadline = check_timeout(options.get("deadline"))
    asker = current_workflow()
    top = asker.instance_id if asker.parent is None else asker.parent.instance_id
    root_id = options.get("root_id")
    return ApprovalRequest(
        name=_text("the name of an approval", name, may_be_empty=False),
        message=_text("message", options.get("message", "")),
        arguments=options.get("arguments"),
        agent=_text_or_none("agent", options.get("agent")),
        tool=_text_or_none("tool", options.get("tool")),
        session=_text_or_none("session", options.get("session")),
        path=_texts("path", options.get("path", ())),
        approvers=_texts("approvers", options.get("approvers", ())),
        instance_id=asker.instance_id,
        root_id=top if root_id is None else check_instance_id(root_id),
        requested_at=now(),
        deadline=None if deadline is None else now() + deadline,
        default=default,
    )


def _approval_id(options: ApprovalOptions) -> str | None:
    approval_id = options.get("approval_id")
    return None if approval_id is None else check_instance_id(approval_id)


def _text(what: str, value: object, *, may_be_empty: bool = True) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{what} is a str, not {type(value).__name__}")
    if not (value or may_be_empty):
        raise ValueError(f"{what} must not be empty")
    return str.__str__(value)


def _text_or_none(what: str, value: object) -> str | None:
    return None if value is None else _text(what, value)


def _texts(what: str, values: Iterable[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        raise TypeError(f"{what} is a tuple of names: write {what}=({values!r},)")
    return tuple(_text(f"each of {what}", value, may_be_empty=False) for value in values)


async def _close(executor: WorkflowExecutor, approval_id: str, reason: str) -> None:
    arguments = json.dumps({"approval_id": approval_id, "reason": reason})
    call = ActivityCall(name=CLOSE_ACTIVITY, encode=lambda: arguments, retry=_CLOSING_RETRY)
    try:
        await executor.call_activity(call)
    except ActivityError as error:
        _log.warning("approval %r could not be closed: %s", approval_id, error)
