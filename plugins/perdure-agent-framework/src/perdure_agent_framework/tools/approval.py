"""Waiting for approval of a tool call, on a record that anybody may answer while the run waits.

It is asked as late as can be, after function middleware: what people approve is what is called.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from agent_framework import Content, FunctionTool, ToolApprovalMiddleware
from agent_framework._harness._tool_approval import _get_state, _matches_rule
from agent_framework._tools import _FunctionArgumentValidationError

import perdure
from perdure.approvals import ApprovalClosedError
from perdure_agent_framework.tools.arguments import checked

if TYPE_CHECKING:
    from perdure import ApprovalDecision
    from perdure_agent_framework.conversion import Json
    from perdure_agent_framework.policies import ApprovalPolicy
    from perdure_agent_framework.tools.places import Call

_REJECTED = "Error: Tool call invocation was rejected by user."  # in the framework's words


@dataclass(frozen=True, kw_only=True)
class Granted:
    """A call that was approved.

    Attributes:
        call: What to call; whoever approved may have edited its arguments.
        note: What the model is to know of that.
    """

    call: Call
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A call that was not approved.

    Attributes:
        told: What the model is told.
    """

    told: str


async def granted(call: Call, policy: ApprovalPolicy) -> Granted | Refused:
    """Wait for the decision on a call.

    Raises:
        BudgetExceededError: The run's time is used up.
        NotDurableError: The arguments cannot be stored.
    """
    arguments = call.arguments_to_json()
    if await _is_standing(call, arguments):
        return Granted(call=call)
    misfit = ""
    while True:
        try:
            decision = await _decision(call, policy, arguments, misfit)
        except ApprovalClosedError as err:
            return Refused(told=f"{_REJECTED} {err}")
        if not decision.approved:
            return Refused(told=_told_of_denial(decision))
        if _as_json(decision.arguments) == _as_json(arguments):
            return Granted(call=call)
        try:
            edited = checked(call.tool, decision.arguments)
        except _FunctionArgumentValidationError as err:
            misfit = f" The arguments as {decision.by} edited them do not fit: {err}"
            continue
        call.context.arguments = edited
        return Granted(call=replace(call, arguments=edited), note=_told_of_editing(decision))


def with_note(result: Any, note: str) -> Any:
    """Return the result of a tool with a note for the model before it."""
    if isinstance(result, str):
        return f"{note}\n{result}"
    return [Content.from_text(note), *FunctionTool.parse_result(result)]


async def _decision(
    call: Call, policy: ApprovalPolicy, arguments: Json, misfit: str
) -> ApprovalDecision:
    scope = call.scope
    asker = "The model" if scope.agent is None else f"Agent {scope.agent}"
    return await perdure.request_approval(
        call.tool.name,
        message=f"{asker} wants to call {call.tool.name}.{misfit}",
        arguments=arguments,
        agent=scope.agent,
        tool=call.tool.name,
        session=scope.session_id,
        path=scope.path,
        deadline=scope.spending.deadline(policy.deadline),
        default=policy.default,
    )


async def _is_standing(call: Call, arguments: Json) -> bool:
    """Return whether the agent's own approval middleware approves the call at once."""
    agent = call.scope.catalogue.agents.get(call.scope.agent or "")
    session = call.context.session
    wanted = Content.from_function_approval_request(
        id="-",
        function_call=Content.from_function_call("-", call.tool.name, arguments=arguments),
    )
    for middleware in (agent and agent.middleware) or ():
        if not isinstance(middleware, ToolApprovalMiddleware):
            continue
        rules = []
        if session is not None and middleware.source_id in session.state:
            rules = _get_state(session, source_id=middleware.source_id).rules
        if _matches_rule(wanted, rules) or await middleware._matches_auto_rule(wanted):
            return True
    return False


def _as_json(value: Any) -> str:
    # In Python 1 equals True.
    return json.dumps(value, sort_keys=True)


def _told_of_denial(decision: ApprovalDecision) -> str:
    if decision.is_default:
        return f"{_REJECTED} Nobody answered in time."
    return f"{_REJECTED} Note: {decision.note}" if decision.note else _REJECTED


def _told_of_editing(decision: ApprovalDecision) -> str:
    used = json.dumps(decision.arguments, ensure_ascii=False)
    note = f" Note: {decision.note}" if decision.note else ""
    return f"[Approved by {decision.by}, who changed the arguments to {used}.{note}]"
