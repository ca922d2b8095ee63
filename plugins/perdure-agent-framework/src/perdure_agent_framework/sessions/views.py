"""What can be seen of a conversation from outside: where it stands, and what was said."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from agent_framework import AgentSession, HistoryProvider, InMemoryHistoryProvider

from perdure import CapabilityNotSupportedError, InstanceNotFoundError, Status
from perdure.spi.history import WorkflowStarted
from perdure_agent_framework.sessions.state_changes import apply_changes
from perdure_agent_framework.sessions.turn_calls import shown_by

if TYPE_CHECKING:
    from agent_framework import Message

    from perdure import Client, InstanceInfo
    from perdure_agent_framework.sessions.conversations import Conversations

# About two seconds: without a worker, it does not hear of it at all.
_PAUSES = tuple(0.01 * 1.5**number for number in range(12))

SessionState = Literal["idle", "running", "waiting for approval", "ended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInfo:
    """Where a conversation stands.

    Attributes:
        session_id: The user's own id.
        instance_id: The workflow instance that is the conversation.
        state: What it does. Whether it waits for approval is seen only where the backend can list.
        message_id: The message that is being answered.
        approval_ids: The approvals that its answer waits for; see ``client.approvals``.
        queued: How many messages wait their turn.
        turns: How many were answered.
        usage: What the framework has counted in them, as its ``UsageDetails``.
    """

    session_id: str
    instance_id: str
    state: SessionState
    message_id: str | None
    approval_ids: tuple[str, ...]
    queued: int
    turns: int
    usage: dict[str, int]


async def view_session(client: Client, session: str, *, session_id: str) -> SessionInfo:
    """Return where the conversation stands whose instance is ``session``.

    Raises:
        InstanceNotFoundError: There is none.
    """
    info = await _up_to_date(client, session)
    shown = shown_by(info)
    state: SessionState = "ended" if info.status.is_terminal else shown.get("state", "idle")
    approval_ids = await _waiting_approvals(client, session) if state == "running" else ()
    return SessionInfo(
        session_id=session_id,
        instance_id=session,
        state="waiting for approval" if approval_ids else state,
        message_id=shown.get("message") if state == "running" else None,
        approval_ids=approval_ids,
        queued=shown.get("queued", 0),
        turns=shown.get("turns", 0),
        usage=shown.get("usage", {}),
    )


async def _waiting_approvals(client: Client, session: str) -> tuple[str, ...]:
    waiting = client.approvals.list(state="waiting", root_id=session)
    try:
        return tuple([approval.id async for approval in waiting])
    except CapabilityNotSupportedError:
        return ()


async def messages_of(
    client: Client, conversations: Conversations, session: str, *, agent: Any
) -> list[Message]:
    """Return what was said in a conversation, as the history provider of ``agent`` has it.

    Raises:
        CapabilityNotSupportedError: The backend shows no histories.
        InstanceNotFoundError: There is no such session, or its last turn was purged.
    """
    shown = shown_by(await client.get(None, session).info())
    last_turn = shown.get("last_turn")
    # A turn may have ended, and its session not have heard of it.
    current = await _info_of(client, shown.get("turn"))
    if current is not None and current.status is Status.COMPLETED:
        last_turn = current.instance_id
    if last_turn is None:
        return []
    turn = client.get(conversations.turn, last_turn)
    result = await turn.result()
    # A session's state is told nowhere as a whole: it is what the last turn was given, with what
    # that has changed.
    started = next(it for it in await turn.history() if isinstance(it, WorkflowStarted))
    before = json.loads(started.arguments)["turn"]["session"] or {}
    framework = AgentSession.from_dict(apply_changes(before, result.changes))
    providers = [it for it in agent.context_providers or () if isinstance(it, HistoryProvider)]
    provider = next((it for it in providers if it.load_messages), InMemoryHistoryProvider())
    return list(
        await provider.get_messages(
            framework.session_id, state=framework.state.get(provider.source_id, {})
        )
    )


async def _up_to_date(client: Client, session: str) -> InstanceInfo:
    """Return what is known of a session, once it has heard that its turn has ended."""
    handle = client.get(None, session)
    info = await handle.info()
    for pause in _PAUSES:
        turn = await _info_of(client, shown_by(info).get("turn"))
        if turn is None or not turn.status.is_terminal or info.status.is_terminal:
            break
        await asyncio.sleep(pause)
        info = await handle.info()
    return info


async def _info_of(client: Client, instance_id: str | None) -> InstanceInfo | None:
    if instance_id is None:
        return None
    try:
        return await client.get(None, instance_id).info()
    except InstanceNotFoundError:
        return None
