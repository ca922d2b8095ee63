"""Where the function of a tool runs: on a worker, as an agent, or in the workflow itself."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from pydantic_core import PydanticSerializationError, to_jsonable_python

from perdure import ActivityError, ActivityOutcomeUnknownError, ActivityTimeoutError
from perdure.framework import call_activity
from perdure_agent_framework.errors import NotDurableError
from perdure_agent_framework.scope import calling_scope
from perdure_agent_framework.tools.arguments import given_arguments
from perdure_agent_framework.tools.context import context_to_json, take_back
from perdure_agent_framework.tools.outcomes import ToolCallError, result_of
from perdure_agent_framework.tools.result_carriers import take_carried
from perdure_agent_framework.tools.unknown_outcomes import told_of_unknown_outcome

if TYPE_CHECKING:
    from agent_framework import FunctionInvocationContext, FunctionTool

    from perdure_agent_framework.conversion import Json
    from perdure_agent_framework.policies import ToolPolicy
    from perdure_agent_framework.scope import RunScope

TOOL_ACTIVITY = "agent.tool"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a tool.

    Attributes:
        tool: The tool as it is without durability.
        scope: The run of the agent whose model calls it.
        arguments: As the framework has checked them.
        context: What the framework tells tools and middleware of the call.
    """

    tool: FunctionTool
    scope: RunScope
    arguments: dict[str, Any]
    context: FunctionInvocationContext

    def arguments_to_json(self) -> Json:
        """Return the arguments of JSON types, for people.

        Raises:
            NotDurableError: One cannot be stored.
        """
        return self._to_json(self.arguments)

    def given_to_json(self) -> Json:
        """Return the arguments of JSON types, for the tool to check them again.

        Raises:
            NotDurableError: One cannot be stored.
        """
        return self._to_json(given_arguments(self.context.arguments))

    def _to_json(self, arguments: Any) -> Json:
        try:
            data: Json = to_jsonable_python(arguments)
        except (PydanticSerializationError, ValueError) as err:
            what = f"a call of tool {self.tool.name!r} whose arguments cannot be stored ({err})"
            raise NotDurableError(what=what, remedy="let it take arguments of JSON types") from err
        return data

    def with_context(self) -> dict[str, Any]:
        """Return the arguments with the context, if the tool takes it."""
        name = self.tool._context_parameter_name
        return self.arguments if name is None else {**self.arguments, name: self.context}


class Place(Protocol):
    """Where the function of a tool runs."""

    async def run(self, call: Call) -> Any:
        """Return what the function gives.

        Raises:
            Exception: What it raises.
        """


@dataclass(frozen=True, kw_only=True)
class OnWorker:
    """The function is called in an activity.

    Attributes:
        key: By which workers find the tool.
        policy_key: By which policies know it, if not by ``key``.
    """

    key: str
    policy_key: str | None = None

    async def run(self, call: Call) -> Any:
        """Call the activity.

        Raises:
            AgentRunError: The run cannot go on.
            ToolCallError: The tool raised or took too long.
            ToolOutcomeUnknownError: Whether it was called is unknown, and is to end the run.
        """
        policy = call.scope.catalogue.policies.of_tool(self.policy_key or self.key)
        try:
            async with call.scope.tool_slots:
                outcome = await self._outcome(call, policy)
        except ActivityOutcomeUnknownError:
            reason = "its worker ended in the middle of it"
            return await told_of_unknown_outcome(call, policy, reason=reason)
        except ActivityTimeoutError as err:
            reason = f"it did not end within {policy.timeout}"
            if policy.delivery == "at_most_once":
                return await told_of_unknown_outcome(call, policy, reason=reason)
            raise ToolCallError(f"the call was given up: {reason}") from err
        except ActivityError as err:
            raise ToolCallError(err.failure.message) from err
        take_back(call.context, outcome)
        take_carried(call.context, outcome)
        return result_of(outcome, tool=call.tool.name)

    async def _outcome(self, call: Call, policy: ToolPolicy) -> Json:
        is_once = policy.delivery == "at_most_once"
        retry = policy.retry
        if is_once:
            # What was given up may have taken place: to call again would be to call twice.
            never = (*retry.non_retryable, ActivityTimeoutError)
            retry = replace(retry, non_retryable=never)
        outcome: Json = await call_activity(
            TOOL_ACTIVITY,
            lambda: {"request": self._request(call)},
            retry=retry,
            timeout=policy.timeout,
            delivery="at_most_once" if is_once else "at_least_once",
        )
        return outcome

    def _request(self, call: Call) -> Json:
        takes_context = call.tool._context_parameter_name is not None
        return {
            "tool": self.key,
            "agent": call.scope.agent,
            "arguments": call.given_to_json(),
            "call_id": call.context.metadata.get("call_id"),
            "context": context_to_json(call) if takes_context else None,
        }


class AsAgent:
    """The tool is an agent: it runs here, so that its own model and tool calls are activities."""

    async def run(self, call: Call) -> Any:
        """Run the agent."""
        token = calling_scope.set(call.scope)
        try:
            return await _called_here(call)
        finally:
            calling_scope.reset(token)


class InWorkflow:
    """Only this workflow has the function here, so it is workflow code, as is its maker's.

    What it must not do here (files, sockets, threads) fails at once and says so.
    """

    async def run(self, call: Call) -> Any:
        """Call the function."""
        return await _called_here(call)


async def _called_here(call: Call) -> Any:
    tool = copy.copy(call.tool)
    tool._invoke_sync_on_event_loop = True
    # Its limits are counted by the caller.
    tool.max_invocations = tool.max_invocation_exceptions = None
    return await tool._invoke_function(call.with_context())
