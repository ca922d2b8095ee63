"""Tool calls as a workflow makes them: a copy of each tool that calls an activity when invoked.

What the framework does around a tool (checking arguments, middleware, telling the model what went
wrong) it goes on doing in the workflow; only the function itself runs elsewhere.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent_framework import FunctionTool, normalize_tools
from agent_framework._tools import SKIP_PARSING
from pydantic_core import to_jsonable_python

from perdure import ActivityError
from perdure.framework import call_activity
from perdure_agent_framework.conversion import Json, contents_from_json
from perdure_agent_framework.references import reference_to
from perdure_agent_framework.scope import RunScope, calling_scope
from perdure_agent_framework.tool_keys import is_agent, key_of

if TYPE_CHECKING:
    from agent_framework import Content, FunctionInvocationContext

TOOL_ACTIVITY = "agent.tool"


class ToolCallError(Exception):
    """A tool raised; its text is that of what the tool raised, as the framework tells the model."""


def durable_tools(tools: Any, scope: RunScope) -> list[Any]:
    """Return the tools of a call, each function among them as one that is durable."""
    return [
        _durable(tool, scope) if isinstance(tool, FunctionTool) else tool
        for tool in normalize_tools(tools)
    ]


def _durable(tool: FunctionTool, scope: RunScope) -> FunctionTool:
    if tool.declaration_only or isinstance(vars(tool).get("_invoke_function"), _DurableFunction):
        return tool
    made = copy.copy(tool)
    key = key_of(tool, scope.catalogue) or _imported(tool)
    if is_agent(tool):
        run: Any = _AgentRun(tool=copy.copy(tool), scope=scope)
    elif key is None:
        run = _InWorkflow(tool=copy.copy(tool), scope=scope)
    else:
        run = _OnWorker(tool=tool, key=key, scope=scope)
        if tool.result_parser is not SKIP_PARSING:
            made.result_parser = _as_it_is
    # The framework's own way into the function, behind all its checks.
    made._invoke_function = run  # type: ignore[method-assign]
    return made


class _DurableFunction:
    """What stands in for the function of a tool in a workflow."""


@dataclass(frozen=True, kw_only=True)
class _OnWorker(_DurableFunction):
    """Calls the tool's function as an activity."""

    tool: FunctionTool
    key: str
    scope: RunScope

    async def __call__(self, call_kwargs: Mapping[str, Any]) -> Any:
        self.scope.spending.begin_tool_call()
        arguments = dict(call_kwargs)
        context: FunctionInvocationContext | None = None
        if self.tool._context_parameter_name is not None:
            context = arguments.pop(self.tool._context_parameter_name, None)
        policy = self.scope.catalogue.policies.of_tool(self.key)
        async with self.scope.tool_slots:
            try:
                outcome = await call_activity(
                    TOOL_ACTIVITY,
                    lambda: {"request": self._request(arguments, context)},
                    retry=policy.retry,
                    timeout=policy.timeout,
                )
            except ActivityError as err:
                raise ToolCallError(err.failure.message) from err
        return _result(outcome)

    def _request(
        self, arguments: Mapping[str, Any], context: FunctionInvocationContext | None
    ) -> Json:
        return {
            "tool": self.key,
            "agent": self.scope.agent,
            "arguments": to_jsonable_python(arguments),
            "call_id": None if context is None else context.metadata.get("call_id"),
        }


@dataclass(frozen=True, kw_only=True)
class _AgentRun(_DurableFunction):
    """Runs an agent that is a tool here, so that its own model and tool calls are activities."""

    tool: FunctionTool
    scope: RunScope

    async def __call__(self, call_kwargs: Mapping[str, Any]) -> Any:
        token = calling_scope.set(self.scope)
        try:
            return await self.tool._invoke_function(call_kwargs)
        finally:
            calling_scope.reset(token)


@dataclass(frozen=True, kw_only=True)
class _InWorkflow(_DurableFunction):
    """Runs a function that only this workflow has here: it is workflow code, as is its maker's.

    What it must not do here (files, sockets, threads) fails at once and says so.
    """

    tool: FunctionTool
    scope: RunScope

    async def __call__(self, call_kwargs: Mapping[str, Any]) -> Any:
        self.scope.spending.begin_tool_call()
        self.tool._invoke_sync_on_event_loop = True
        return await self.tool._invoke_function(call_kwargs)


def _result(outcome: Json) -> list[Content] | Any:
    if "contents" in outcome:
        return contents_from_json(outcome["contents"])
    return outcome["value"]


def _imported(tool: FunctionTool) -> str | None:
    function = tool.func.func if isinstance(tool.func, FunctionTool) else tool.func
    reference = reference_to(function)
    return None if reference is None or tool._instance is not None else f"import:{reference}"


def _as_it_is(result: Any) -> Any:
    return result

