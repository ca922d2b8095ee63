"""The activity of context providers: the provider itself, on a copy of the run's session.

It is delivered at least once. Whatever a provider writes it should write under an id of the run: a
history provider is given messages with ids that are the same in every attempt, and any provider can
ask for ``perdure.current_activity().idempotency_key``.
"""

from __future__ import annotations

import copy
import uuid
from typing import TYPE_CHECKING, Any

from agent_framework import FunctionTool, HistoryProvider, SessionContext, normalize_tools

import perdure
from perdure_agent_framework.conversion import message_from_json, message_to_json
from perdure_agent_framework.errors import AgentNotRegisteredError, NotDurableError
from perdure_agent_framework.providers.contexts import added_to, context_from_json
from perdure_agent_framework.providers.session_copies import (
    changes_of_state,
    session_from_json,
    state_from_json,
)

if TYPE_CHECKING:
    from agent_framework import AgentSession, ContextProvider, Message

    from perdure_agent_framework.catalogue import Catalogue

Json = dict[str, Any]


async def run_provider(catalogue: Catalogue, request: Json) -> Json:
    """Do what ``request`` says, and return what came of it.

    Raises:
        AgentNotRegisteredError: This app does not have the provider.
        Exception: The provider raised it.
    """
    provider = catalogue.find_provider(request["provider"])
    try:
        if request["do"] in ("before_run", "after_run"):
            return await _run_phase(catalogue, provider, request)
        return await _reach_storage(provider, request)
    except NotDurableError as err:
        return {"refused": {"what": err.what, "remedy": err.remedy}}


async def provided_tool(
    catalogue: Catalogue, key: str, asked: Json, session: AgentSession
) -> FunctionTool:
    """Return the tool that a provider adds to runs, by letting it add it once more.

    What the provider does to the session's state in passing is undone: it did it before the run.

    Args:
        catalogue: The agents of the app.
        key: The key of the tool, ``agent/source_id/tool``.
        asked: What the run was asked.
        session: The session that the tool is to see.

    Raises:
        AgentNotRegisteredError: The provider, or its tool of that name, is not there.
    """
    provider_key, _, name = key.rpartition("/")
    provider = catalogue.find_provider(provider_key)
    context = context_from_json(asked)
    before = copy.deepcopy(session.state)
    await provider.before_run(
        agent=_agent(catalogue, provider_key, asked["agent"]),
        session=session,
        context=context,
        state=session.state.setdefault(provider.source_id, {}),
    )
    _restore(session.state, before)
    tools = {it.name: it for it in normalize_tools(context.tools) if isinstance(it, FunctionTool)}
    if name not in tools:
        raise AgentNotRegisteredError(
            kind=f"tool of context provider {provider_key!r} called", name=name, known=list(tools)
        )
    return tools[name]


async def _run_phase(catalogue: Catalogue, provider: ContextProvider, request: Json) -> Json:
    session = session_from_json(request["session"])
    context: SessionContext = context_from_json(request["context"])
    await getattr(provider, request["do"])(
        agent=_agent(catalogue, request["provider"], request["agent"]),
        session=session,
        context=context,
        state=session.state.setdefault(provider.source_id, {}),
    )
    user = f"context provider {provider.source_id!r}"
    return {
        "state": changes_of_state(request["session"]["state"], session.state, user=user),
        "added": added_to(context, request["context"], provider=provider.source_id),
    }


async def _reach_storage(provider: ContextProvider, request: Json) -> Json:
    assert isinstance(provider, HistoryProvider)
    state = None if request["state"] is None else state_from_json(request["state"])
    keywords = state_from_json(request["keywords"])
    messages = [message_from_json(message) for message in request["messages"]]
    found: list[Message] = []
    if request["do"] == "get_messages":
        found = await provider.get_messages(request["session_id"], state=state, **keywords)
    else:
        _stamp(messages)
        await provider.save_messages(request["session_id"], messages, state=state, **keywords)
    user = f"history provider {provider.source_id!r}"
    return {
        "messages": [message_to_json(message) for message in found],
        "state": None if state is None else changes_of_state(request["state"], state, user=user),
    }


def _stamp(messages: list[Message]) -> None:
    """Give each message without an id one that is the same in every attempt to save it."""
    key = perdure.current_activity().idempotency_key
    for number, message in enumerate(messages):
        if message.message_id is None:
            message.message_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{key}/{number}"))


def _agent(catalogue: Catalogue, provider_key: str, name: str | None) -> Any:
    owner = provider_key.partition("/")[0]
    return catalogue.agents.get(name or owner) or catalogue.find_agent(owner)


def _restore(state: dict[str, Any], before: dict[str, Any]) -> None:
    # The dicts stay the same objects: the tools hold on to them.
    for name in list(state):
        held, was = state[name], before.get(name)
        if isinstance(held, dict):
            held.clear()
            held.update(was if isinstance(was, dict) else {})
        elif name in before:
            state[name] = was
        else:
            del state[name]
