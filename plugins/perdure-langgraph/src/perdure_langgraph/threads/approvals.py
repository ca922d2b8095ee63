"""Approvals of interrupts: what people are asked, and what their decision is to the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic_core import to_jsonable_python

if TYPE_CHECKING:
    from datetime import timedelta

    from perdure.approvals import ApprovalDecision, ApprovalDefault

Resume: TypeAlias = "Callable[[Any, ApprovalDecision], Any]"
"""Makes what ``interrupt(value)`` returns from the value and the decision; it has to be pure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphApproval:
    """How the interrupts of a node are approved.

    Attributes:
        deadline: How long to wait; without one, for ever.
        default: What to decide at the deadline: ``deny``, ``approve``, or ``fail``, which fails the
            run; its questions stay open.
        approvers: Who may answer; empty is anybody.
        resume: Makes what ``interrupt`` returns of its value and the decision. By default that is
            ``False`` if it was denied, ``True`` if it was approved, and the arguments if they were
            edited. What LangChain's ``HumanInTheLoopMiddleware`` asks becomes an approval for each
            tool call, and is answered as it wants to be.
    """

    deadline: timedelta | None = None
    default: ApprovalDefault = "deny"
    approvers: tuple[str, ...] = ()
    resume: Resume | None = None


Rules: TypeAlias = "Mapping[str, GraphApproval] | None"
"""By node, how its interrupts are approved; ``None`` is: all, without a deadline."""


def rules_of(approvals: bool | Mapping[str, GraphApproval]) -> Rules:
    """Return the rules that a runner was given.

    Raises:
        TypeError: They are neither a truth value nor rules by node.
    """
    if approvals is True:
        return None
    if approvals is False:
        return {}
    is_mapping = isinstance(approvals, Mapping)
    if not is_mapping or not all(isinstance(it, GraphApproval) for it in approvals.values()):
        raise TypeError(
            "approvals is True, for all interrupts, or a mapping of nodes to GraphApproval, not "
            f"{approvals!r}"
        )
    return dict(approvals)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One thing to approve.

    Attributes:
        name: What is to be approved, in a word.
        message: For people.
        arguments: What it is about, as JSON.
        tool: The tool that is to be called, if it is about one.
    """

    name: str
    message: str
    arguments: Any
    tool: str | None = None


def questions_of(value: Any, *, path: tuple[str, ...], is_whole: bool) -> list[Question]:
    """Return what is to be approved in the value of an interrupt.

    A text is the message. Of a mapping, ``message`` or ``question`` is, and ``arguments`` are, or
    all of it. What is no JSON is described.

    Args:
        value: The value.
        path: The nodes through which it came up, outermost first.
        is_whole: Whether tool calls in it are one question together.
    """
    if not is_whole and (actions := _actions_in(value)):
        return [_question_of_action(action) for action in actions]
    name = path[-1]
    message = f"{' / '.join(path)} asks"
    if isinstance(value, str):
        return [Question(name=name, message=value, arguments=None)]
    arguments = _as_json(value)
    if isinstance(arguments, dict):
        said = [arguments.get(key) for key in ("message", "question")]
        message = next((it for it in said if isinstance(it, str)), message)
        arguments = arguments.get("arguments", arguments)
    return [Question(name=name, message=message, arguments=arguments)]


def resumed_with(
    value: Any, asked: list[Question], decisions: list[ApprovalDecision], resume: Resume | None
) -> Any:
    """Return what ``interrupt(value)`` returns after these decisions, one for each question."""
    if resume is not None:
        return resume(value, decisions[0])
    if not _actions_in(value):
        return _plain_answer(asked[0], decisions[0])
    answers = [_tool_answer(*each) for each in zip(asked, decisions, strict=True)]
    return {"decisions": answers} if "action_requests" in value else answers[0]


def _actions_in(value: Any) -> list[dict[str, Any]]:
    """Return the tool calls that LangChain's middleware asks about."""
    if not isinstance(value, dict):
        return []
    actions = [value] if value.get("type") == "tool_approval" else value.get("action_requests")
    is_known = isinstance(actions, list) and all(
        isinstance(it, dict) and isinstance(it.get("name"), str) and "args" in it for it in actions
    )
    return actions if is_known and actions is not None else []


def _question_of_action(action: dict[str, Any]) -> Question:
    name = action["name"]
    message = action.get("description") or f"call {name}"
    return Question(name=name, message=message, arguments=_as_json(action["args"]), tool=name)


def _plain_answer(asked: Question, decision: ApprovalDecision) -> Any:
    if not decision.approved:
        return False
    return True if decision.arguments == asked.arguments else decision.arguments


def _tool_answer(asked: Question, decision: ApprovalDecision) -> dict[str, Any]:
    if not decision.approved:
        return {"type": "reject", **({"message": decision.note} if decision.note else {})}
    if decision.arguments == asked.arguments:
        return {"type": "approve"}
    action = {"name": asked.name, "args": decision.arguments}
    return {"type": "edit", "edited_action": action}


def _as_json(value: Any) -> Any:
    return to_jsonable_python(value, fallback=lambda it: f"a {type(it).__qualname__}")
