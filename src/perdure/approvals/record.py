"""The record of an approval: what was asked, by whom, and what came of it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - read when the record is converted
from typing import Any, Final, Literal

APPROVAL_WORKFLOW: Final = "perdure.approval"
CLOSE_ACTIVITY: Final = "perdure.close_approval"
ANSWER_EVENT: Final = "perdure.approval_answer"

ApprovalDefault = Literal["approve", "deny", "fail"]
"""What comes of an approval that nobody answers before its deadline."""


class ApprovalState(enum.StrEnum):
    """Where an approval stands.

    Attributes:
        WAITING: Nobody has answered.
        STORED: The answer that was just given is stored, and no worker has applied it yet.
        APPROVED: It was approved, by somebody or by its default.
        DENIED: It was denied, by somebody or by its default.
        EXPIRED: Its deadline has passed, and its default is to fail.
        CLOSED: Whoever asked has ended or waits no longer.
    """

    WAITING = "waiting"
    STORED = "stored"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequest:
    """What was asked.

    Attributes:
        name: What is to be approved, in a word.
        message: The question, for people.
        arguments: What it is about: JSON, which whoever approves may edit.
        agent: The agent that asks, if one does.
        tool: The tool that is to be called, if it is about one.
        session: The conversation it belongs to, in the words of whoever asks.
        path: Through which sub-agents the question came up, outermost first.
        approvers: Who may answer; empty is anybody.
        instance_id: The workflow instance that asks.
        root_id: The instance at the top of it, such as a conversation's.
        default: What comes of it when the deadline passes.
    """

    name: str
    message: str = ""
    arguments: Any = None
    agent: str | None = None
    tool: str | None = None
    session: str | None = None
    path: tuple[str, ...] = ()
    approvers: tuple[str, ...] = ()
    instance_id: str
    root_id: str
    requested_at: datetime
    deadline: datetime | None = None
    default: ApprovalDefault = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalDecision:
    """What was decided.

    Attributes:
        arguments: What was approved: the arguments as they were asked for, or as edited.
        by: Who decided; ``None`` where the default did.
        is_default: Whether nobody answered, and the default decided at the deadline.
    """

    approved: bool
    arguments: Any = None
    by: str | None = None
    note: str = ""
    decided_at: datetime
    is_default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval(ApprovalRequest):
    """An approval as it stands.

    Attributes:
        id: Its id, which is that of an instance of the workflow ``perdure.approval``.
        decision: What was decided, once it was.
        reason: Why it is closed, if it is.
    """

    id: str
    state: ApprovalState
    decision: ApprovalDecision | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalAnswer:
    """An answer on its way to the record; ``close`` comes from whoever asked.

    Attributes:
        arguments: The edited arguments; ``None`` leaves them as they are.
    """

    verdict: Literal["approve", "deny", "close"]
    by: str
    note: str = ""
    arguments: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalOutcome:
    """How an approval ended, neither waiting nor stored: the result of its instance."""

    state: ApprovalState
    decision: ApprovalDecision | None = None
    reason: str = ""
