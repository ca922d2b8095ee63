"""Asking for a turn and waiting for its result, from outside."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perdure import (
    InstanceFinishedError,
    InstanceNotFoundError,
    Status,
    WorkflowFailedError,
    WorkflowStalledError,
)
from perdure_agent_framework.errors import MessageConflictError, SessionClosedError
from perdure_agent_framework.sessions.ids import turn_workflow_name
from perdure_agent_framework.sessions.turn_errors import error_of_turn
from perdure_agent_framework.sessions.turns import (
    SESSION_EVENT,
    Json,
    SessionEvent,
    SessionSettings,
    Turn,
    TurnRequest,
    TurnResult,
)

if TYPE_CHECKING:
    from perdure import Client, InstanceInfo, WorkflowHandle
    from perdure_agent_framework.sessions.conversations import Conversations

_FIRST_PAUSE = 0.005
_LONGEST_PAUSE = 1.0
_GROWTH = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnCall:
    """A request to an agent, and where its answer will be.

    Attributes:
        request: What is asked.
        turn_id: The instance id of the turn.
        session: The instance id of the session; ``None`` for a turn that is in none.
        settings: Those of the session, if this begins it.
    """

    request: TurnRequest
    turn_id: str
    session: str | None
    settings: SessionSettings

    @property
    def event(self) -> SessionEvent:
        """What the session is told."""
        return SessionEvent(
            kind="turn",
            turn_id=self.turn_id,
            message_id=self.request.message_id,
            request=self.request,
        )

    async def result(self, client: Client, conversations: Conversations) -> TurnResult:
        """Ask, unless it was asked before, and wait for the result.

        Raises:
            AgentRunError: The run could not go on.
            MessageConflictError: Something else was asked under the same id before.
            SessionClosedError: The conversation has ended.
            WorkflowCancelledError: The turn was cancelled.
            WorkflowFailedError: It failed otherwise.
            WorkflowStalledError: No worker that runs can go on with it.
            WorkflowTerminatedError: It was ended by force.
        """
        turn = client.get(conversations.turn, self.turn_id)
        # Looked for first: one that is purged while it is waited for must not be asked for anew.
        if await _exists(turn):
            return await self._result_of(turn)
        if self.session is None:
            alone = Turn(message_id=self.request.message_id, request=self.request)
            begun = conversations.turn.with_options(name=turn_workflow_name(self.request.agent))
            await client.start(begun, alone, instance_id=self.turn_id, if_exists="attach")
            return await self._result_of(turn)
        session = client.get(conversations.session, self.session)
        try:
            await self._tell(client, conversations, session)
        except InstanceFinishedError as err:
            raise self._closed(err.status) from err
        ended = await _begun(turn, session)
        if ended is not None:
            raise self._closed(ended)
        return await self._result_of(turn)

    async def _tell(
        self, client: Client, conversations: Conversations, session: WorkflowHandle[None]
    ) -> None:
        """Tell the session, which begins if there is none."""
        try:
            await session.raise_event(SESSION_EVENT, self.event)
        except InstanceNotFoundError:
            call = conversations.session.bind(self.settings)
            await client.start(call, instance_id=session.instance_id, if_exists="attach")
            await session.raise_event(SESSION_EVENT, self.event)

    async def _result_of(self, turn: WorkflowHandle[TurnResult]) -> TurnResult:
        # Before the wait as well: a turn may take days, and who asks wrongly is to know at once.
        self._check(shown_by(await turn.info()).get("digest"))
        try:
            result = await turn.result()
        except WorkflowFailedError as failed:
            shown = shown_by(await turn.info())
            self._check(shown.get("digest"))
            raise error_of_turn(failed, shown.get("error") or {}) from failed
        self._check(result.digest)
        return result

    def _check(self, digest: str | None) -> None:
        # A turn that has only just begun shows nothing yet.
        if digest not in (None, self.request.digest):
            raise MessageConflictError(
                session_id=self.request.session_id, message_id=self.request.message_id
            )

    def _closed(self, status: str) -> SessionClosedError:
        return SessionClosedError(session_id=self.request.session_id, status=status)


async def _begun(turn: WorkflowHandle[Any], session: WorkflowHandle[Any]) -> Status | None:
    """Wait until the session has begun the turn; return its status if it ended before it did."""
    pause = _FIRST_PAUSE
    while not await _exists(turn):
        info = await session.info()
        if info.status is Status.STALLED:
            raise WorkflowStalledError(
                instance_id=session.instance_id, reason=info.reason or "its code does not fit."
            )
        # In this order: the session may have begun the turn, and then ended.
        if info.status.is_terminal and not await _exists(turn):
            return info.status
        await asyncio.sleep(pause)
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)
    return None


async def _exists(handle: WorkflowHandle[Any]) -> bool:
    try:
        await handle.info()
    except InstanceNotFoundError:
        return False
    return True


def shown_by(info: InstanceInfo) -> Json:
    """Return what one of our instances shows as its custom status."""
    shown: Json = json.loads(info.custom_status_json or "null") or {}
    return shown


async def cancel_turn(client: Client, turn_id: str, session: str | None, message_id: str) -> None:
    """Cancel a turn, whether it runs, waits its turn, or was not asked for yet.

    Raises:
        InstanceNotFoundError: There is no such session, or no such turn that is in none.
        WorkflowStalledError: No worker that runs can go on with the session.
    """
    turn = client.get(None, turn_id)
    with contextlib.suppress(InstanceFinishedError):
        try:
            await turn.cancel()
        except InstanceNotFoundError:
            if session is None:
                raise
            await _cancel_unbegun(turn, client.get(None, session), message_id)


async def _cancel_unbegun(
    turn: WorkflowHandle[Any], session: WorkflowHandle[Any], message_id: str
) -> None:
    event = SessionEvent(kind="cancel", turn_id=turn.instance_id, message_id=message_id)
    await session.raise_event(SESSION_EVENT, event)
    # The session makes it an instance, cancelled; or was just beginning it, and then it is to be
    # told itself.
    if await _begun(turn, session) is None:
        await turn.cancel()
