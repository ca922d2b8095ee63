"""Tool calls as a workflow makes them: a copy of each tool, whose function is durable.

What the framework does around a tool (checking arguments, middleware, telling the model what went
wrong) it goes on doing in the workflow; only the function itself is replaced.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from agent_framework import FunctionTool, normalize_tools
from agent_framework._tools import SKIP_PARSING

from perdure.framework import run_state
from perdure_agent_framework.providers.remote_tools import RemoteTool
from perdure_agent_framework.references import reference_to
from perdure_agent_framework.tools.approval import Refused, granted, with_note
from perdure_agent_framework.tools.arguments import checked
from perdure_agent_framework.tools.keys import is_agent, key_of
from perdure_agent_framework.tools.limits import ToolCounts
from perdure_agent_framework.tools.places import AsAgent, Call, InWorkflow, OnWorker, Place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perdure_agent_framework.policies import ApprovalPolicy
    from perdure_agent_framework.scope import RunScope

# Under this name a tool that takes no context gets one all the same; its function does not see it.
_CONTEXT = "_perdure_context"


def durable_tools(tools: Any, scope: RunScope) -> list[Any]:
    """Return the tools of a call, each function among them as one that is durable."""
    return [
        _durable(tool, scope) if isinstance(tool, FunctionTool) else tool
        for tool in normalize_tools(tools)
    ]


@dataclass(frozen=True, kw_only=True)
class DurableFunction:
    """What stands in for the function of a tool in a workflow.

    Attributes:
        tool: The tool as it is without durability.
        place: Where its function runs.
        scope: The run of the agent whose model calls it.
        approval: How calls wait for approval; ``None`` where that is not done here.
    """

    tool: FunctionTool
    place: Place
    scope: RunScope
    approval: ApprovalPolicy | None

    async def __call__(self, call_kwargs: Mapping[str, Any]) -> Any:
        """Call the tool with arguments that the framework has checked.

        Raises:
            AgentRunError: The run cannot go on.
            Exception: What the framework tells the model.
        """
        call = self._call(call_kwargs)
        self.scope.spending.begin_tool_call()
        note = None
        if self.approval is not None:
            decided = await granted(call, self.approval)
            if isinstance(decided, Refused):
                return decided.told
            call, note = decided.call, decided.note
            self.scope.spending.check_time()
        counts = run_state(ToolCounts)
        counts.begin(self.tool)
        try:
            result = await self.place.run(call)
        except Exception:
            counts.failed(self.tool)
            raise
        return result if note is None else with_note(result, note)

    def _call(self, call_kwargs: Mapping[str, Any]) -> Call:
        arguments = dict(call_kwargs)
        context = arguments.pop(self.tool._context_parameter_name or _CONTEXT)
        return Call(tool=self.tool, scope=self.scope, arguments=arguments, context=context)


def _durable(tool: FunctionTool, scope: RunScope) -> FunctionTool:
    if tool.declaration_only or isinstance(vars(tool).get("_invoke_function"), DurableFunction):
        return tool
    made = copy.copy(tool)
    place, key = _place(tool, scope)
    approval = _approval(tool, key, scope)
    if approval is not None:
        made.approval_mode = "never_require"
    if isinstance(place, OnWorker) and tool.result_parser is not SKIP_PARSING:
        made.result_parser = _as_it_is
    made._context_parameter_name = tool._context_parameter_name or _CONTEXT
    made._prepare_arguments = partial(checked, tool)  # type: ignore[method-assign]
    # The framework's own way into the function, behind all its checks.
    made._invoke_function = DurableFunction(  # type: ignore[method-assign]
        tool=tool, place=place, scope=scope, approval=approval
    )
    return made


def _place(tool: FunctionTool, scope: RunScope) -> tuple[Place, str]:
    """Return where the function of a tool runs, and the key by which policies know the tool."""
    known_as = f"{scope.agent}/{tool.name}"
    if is_agent(tool):
        return AsAgent(), known_as
    if isinstance(tool, RemoteTool):
        return replace(tool.place, policy_key=known_as), known_as
    if scope.catalogue.tools.get(known_as) is tool:
        # Agents may share a tool; each has it under its own name, and its own policy.
        return OnWorker(key=known_as), known_as
    key = key_of(tool, scope.catalogue)
    if key is not None:
        return OnWorker(key=key), key
    imported = _imported(tool)
    if imported is not None:
        return OnWorker(key=imported, policy_key=known_as), known_as
    return InWorkflow(), known_as


def _approval(tool: FunctionTool, key: str, scope: RunScope) -> ApprovalPolicy | None:
    if tool.approval_mode != "always_require":
        return None
    policy = scope.catalogue.policies.approval_of_tool(key)
    return policy if policy.mode == "record" else None


def _imported(tool: FunctionTool) -> str | None:
    function = tool.func.func if isinstance(tool.func, FunctionTool) else tool.func
    reference = reference_to(function)
    return None if reference is None or tool._instance is not None else f"import:{reference}"


def _as_it_is(result: Any) -> Any:
    return result
