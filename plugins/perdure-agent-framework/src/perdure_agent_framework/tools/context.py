"""What tools learn of their call (``FunctionInvocationContext``), and what they change there.

A tool on a worker gets a copy: of the session without the messages of history providers, and of the
keywords that the run was given for functions. What it changes in ``session.state`` comes back.
"""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

from agent_framework import AgentSession, FunctionInvocationContext, HistoryProvider
from agent_framework._tools import (
    _FUNCTION_INVOCATION_BUDGET_STATE_KEY,
    _FUNCTION_RESULT_PAYLOAD_BUDGET_STATE_KEY,
    _TOOL_APPROVAL_STATE_KEY,
)

import perdure
from perdure_agent_framework.errors import NotDurableError
from perdure_agent_framework.sessions.state_changes import apply_changes, changes

if TYPE_CHECKING:
    from agent_framework import FunctionTool

    from perdure_agent_framework.conversion import Json
    from perdure_agent_framework.scope import RunScope
    from perdure_agent_framework.tools.places import Call

# The framework's own notes on approvals and limits are no business of tools.
_FRAMEWORKS_OWN = frozenset(
    {
        "in_memory",
        _FUNCTION_INVOCATION_BUDGET_STATE_KEY,
        _FUNCTION_RESULT_PAYLOAD_BUDGET_STATE_KEY,
        _TOOL_APPROVAL_STATE_KEY,
    }
)


class WorkerContext(FunctionInvocationContext):
    """The context of a call on a worker, which is not in the process of the run."""

    @property
    def tools(self) -> Any:
        """Refuse: the tools of the run are in the workflow.

        Raises:
            NotDurableError: Always.
        """
        raise NotDurableError(
            what=f"context.tools, add_tools and remove_tools in tool {self.function.name!r}",
            remedy="change the tools of a run in function middleware, which runs in the workflow",
        )

    @tools.setter
    def tools(self, value: Any) -> None:
        """Take what the framework's own constructor sets."""

    def add_tools(self, tools: Any) -> None:
        """Refuse, as for ``tools``."""
        self.tools.extend(tools)

    def remove_tools(self, tools: Any) -> None:
        """Refuse, as for ``tools``."""
        self.tools.remove(tools)


def context_to_json(call: Call) -> Json:
    """Return what the tool of ``call`` may know of it.

    Raises:
        NotDurableError: A keyword of the run, or something in the session, cannot be stored.
    """
    context = call.context
    keywords = {name: value for name, value in context.kwargs.items() if name != "session"}
    for name, value in keywords.items():
        _check(value, what=f"{name!r} of function_invocation_kwargs", tool=call.tool)
    session = None
    if context.session is not None:
        session = _to_json(_without(context.session, _hidden(call.scope)))
        for name, value in session["state"].items():
            _check(value, what=f"{name!r} of session.state", tool=call.tool)
    return {"session": session, "keywords": keywords, "has_session": "session" in context.kwargs}


def session_for_tool(data: Json | None) -> AgentSession | None:
    """Return the session that a tool sees, if it sees one."""
    if data is None or data["session"] is None:
        return None
    return AgentSession.from_dict(data["session"])


def context_from_json(
    tool: FunctionTool, arguments: Json, data: Json | None, session: AgentSession | None
) -> WorkerContext:
    """Return the context of a call for the tool itself."""
    data = data or {"session": None, "keywords": {}, "has_session": False}
    keywords = {**data["keywords"], **({"session": session} if data["has_session"] else {})}
    context = WorkerContext(tool, arguments, session=session, kwargs=keywords)
    context.metadata["idempotency_key"] = perdure.current_activity().idempotency_key
    return context


def changed_state(context: FunctionInvocationContext, data: Json | None) -> Json | None:
    """Return what a tool changed in its copy of the session.

    Raises:
        NotDurableError: It put something there that cannot be stored.
    """
    if context.session is None or data is None:
        return None
    state = _to_json(context.session)["state"]
    for name, value in state.items():
        _check(value, what=f"{name!r} of session.state", tool=context.function)
    return changes(data["session"]["state"], state)


def take_back(context: FunctionInvocationContext, outcome: Json) -> None:
    """Do to the session of the run what the tool did to its copy.

    Of what two calls at once did to one list both additions stay; of what they did to one other
    value, the later.
    """
    change = outcome.get("state")
    session = context.session
    if change is None or session is None:
        return
    for name in change["remove"]:
        session.state.pop(name, None)
    touched = {name: session.state[name] for name in change["set"] if name in session.state}
    old = _to_json(_of_state(touched))["state"]
    new = apply_changes(old, {"set": change["set"], "remove": []})
    session.state.update(AgentSession.from_dict({"session_id": "-", "state": new}).state)


def _without(session: AgentSession, hidden: frozenset[str]) -> AgentSession:
    copy = _of_state({name: it for name, it in session.state.items() if name not in hidden})
    copy._session_id = session.session_id
    copy.service_session_id = session.service_session_id
    return copy


def _of_state(state: dict[str, Any]) -> AgentSession:
    session = AgentSession(session_id="-")
    session.state = state
    return session


def _to_json(session: AgentSession) -> Json:
    with warnings.catch_warnings():
        # It warns of what cannot be stored; for that there is an error here, if need be.
        warnings.simplefilter("ignore", RuntimeWarning)
        return session.to_dict()


def _hidden(scope: RunScope) -> frozenset[str]:
    providers = {
        provider.source_id
        for agent in scope.catalogue.agents.values()
        for provider in agent.context_providers
        if isinstance(provider, HistoryProvider)
    }
    return _FRAMEWORKS_OWN | providers


def _check(value: Any, *, what: str, tool: FunctionTool) -> None:
    """Raise unless a tool would get on a worker what it gets in a plain run."""
    try:
        is_json = json.loads(json.dumps(value)) == value
    except (TypeError, ValueError, RecursionError):
        is_json = False
    if not is_json:
        raise NotDurableError(
            what=f"{what}, of type {type(value).__qualname__}, for tool {tool.name!r}",
            remedy="use JSON types (str, int, float, bool, None, list, dict with str keys)",
        )
