"""The activity of a tool call: the tool itself, invoked for real."""

from __future__ import annotations

import copy
import inspect
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from agent_framework import FunctionTool

from perdure.framework import run_in_thread
from perdure_agent_framework.errors import AgentNotRegisteredError, NotDurableError
from perdure_agent_framework.tools.context import (
    changed_state,
    context_from_json,
    session_for_tool,
)
from perdure_agent_framework.tools.finding import find_tool
from perdure_agent_framework.tools.outcomes import ends_run, gone, outcome_of
from perdure_agent_framework.tools.result_carriers import carried_by

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perdure_agent_framework.catalogue import Catalogue
    from perdure_agent_framework.conversion import Json

_logger = logging.getLogger(__name__)


async def call_tool(catalogue: Catalogue, request: Json) -> Json:
    """Return what came of calling the tool that ``request`` names.

    Raises:
        Exception: The tool raised it.
    """
    session = session_for_tool(request["context"])
    try:
        found = _on_worker(await find_tool(catalogue, request, session))
    except AgentNotRegisteredError as err:
        _logger.warning("a tool call is answered as one of an unknown tool: %s", err)
        return gone()
    arguments = request["arguments"]
    context = context_from_json(found, arguments, request["context"], session)
    if request["call_id"] is not None:
        context.metadata["call_id"] = request["call_id"]

    async def invoke() -> Any:
        return await found.invoke(
            arguments=arguments, context=context, tool_call_id=request["call_id"]
        )

    outcome = await outcome_of(invoke)
    try:
        state = changed_state(context, request["context"])
    except NotDurableError as err:
        return ends_run(err)
    return {**outcome, **carried_by(context), "state": state}


def _on_worker(found: FunctionTool) -> FunctionTool:
    """Return a copy whose ``def`` function runs in a thread that nothing waits for."""
    made = copy.copy(found)
    # The workflow counts its calls; here, attempts would be counted, of all workflows together.
    made.max_invocations = made.max_invocation_exceptions = None

    async def invoke_function(call_kwargs: Mapping[str, Any]) -> Any:
        function = made.func.func if isinstance(made.func, FunctionTool) else made.func
        if inspect.iscoroutinefunction(function) or made._invoke_sync_on_event_loop:
            result = made(**call_kwargs)
        else:
            result = await run_in_thread(partial(made, **call_kwargs))
        return await result if inspect.isawaitable(result) else result

    if "_invoke_function" not in vars(found) and _is_frameworks_own(type(found)):
        made._invoke_function = invoke_function  # type: ignore[method-assign]
    return made


def _is_frameworks_own(kind: type[FunctionTool]) -> bool:
    return kind._invoke_function is FunctionTool._invoke_function
