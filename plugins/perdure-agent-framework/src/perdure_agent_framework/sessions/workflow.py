"""A session: the long-lived workflow of a conversation, which answers one request after another.

It keeps the framework's session between turns, so two requests at once are answered in the order
of their arrival. A turn that was begun before is recognised by its instance, which is there.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import perdure
from perdure import InstanceAlreadyExistsError, PerdureError
from perdure_agent_framework.sessions.ids import turn_workflow_name
from perdure_agent_framework.sessions.state_changes import apply_changes
from perdure_agent_framework.sessions.turns import (
    SESSION_EVENT,
    Carried,
    SessionEvent,
    SessionSettings,
    Turn,
    TurnResult,
)

if TYPE_CHECKING:
    from perdure import Workflow
    from perdure_agent_framework.sessions.turns import Json

_log = perdure.logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    event: SessionEvent
    result: asyncio.Future[TurnResult]


class RunningSession:
    """One run of a session.

    Args:
        turn: The workflow of a turn.
        settings: When the next run begins.
        carried: What the run before has left.
    """

    def __init__(
        self, turn: Workflow[[Turn], TurnResult], settings: SessionSettings, carried: Carried
    ) -> None:
        self._turn = turn
        self._settings = settings
        self._session = carried.session
        self._transcripts = carried.transcripts
        self._turns = carried.turns
        self._usage = carried.usage
        self._last_turn = carried.last_turn
        self._queue = deque(carried.queue)
        self._is_closing = carried.is_closing
        self._current: _Running | None = None
        self._begun = 0
        self._bytes = 0

    async def serve(self) -> Carried | None:
        """Answer requests; return what the next run takes along, or ``None`` at the end."""
        arriving = asyncio.ensure_future(SESSION_EVENT.wait())
        while True:
            self._begin_next()
            self._show()
            if self._current is None and (self._is_closing or self._is_worn()):
                arriving.cancel()
                return self._carried() if self._queue or not self._is_closing else None
            waits: set[asyncio.Future[Any]] = {arriving}
            if self._current is not None:
                waits.add(self._current.result)
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if self._current is not None and self._current.result.done():
                self._end(self._current)
            if arriving.done():
                self._take(arriving)
                arriving = asyncio.ensure_future(SESSION_EVENT.wait())

    def _take(self, arriving: asyncio.Future[SessionEvent]) -> None:
        try:
            event = arriving.result()
        except perdure.PayloadError as error:
            _log.warning("an event of a session is left out: %s", error)
            return
        if event.kind == "close":
            self._is_closing = True
        elif event.kind == "cancel":
            self._cancel(event)
        elif not (self._is_closing or self._is_queued(event) or self._is_running(event)):
            self._queue.append(event)

    def _cancel(self, event: SessionEvent) -> None:
        """Let the turn be one that was cancelled, unless it has begun; then it is told itself."""
        if self._is_running(event):
            return
        self._queue = deque(it for it in self._queue if it.turn_id != event.turn_id)
        cancelled = self._turn.bind(Turn(message_id=event.message_id))
        # Nobody waits for it here; whoever asked finds it by its id.
        perdure.start_child(cancelled, instance_id=event.turn_id, on_parent_end="abandon")

    def _is_queued(self, event: SessionEvent) -> bool:
        return any(it.turn_id == event.turn_id for it in self._queue)

    def _is_running(self, event: SessionEvent) -> bool:
        return self._current is not None and self._current.event.turn_id == event.turn_id

    def _begin_next(self) -> None:
        if self._current is not None or not self._queue or self._is_worn():
            return
        event = self._queue.popleft()
        request = event.request
        assert request is not None
        turn = Turn(
            message_id=event.message_id,
            request=request,
            session=self._session,
            transcripts=self._transcripts,
        )
        agents_own = self._turn.with_options(name=turn_workflow_name(request.agent))
        child = perdure.start_child(agents_own.bind(turn), instance_id=event.turn_id)
        self._begun += 1
        # What was said stands in history twice, as an event and as an input.
        self._bytes += len(json.dumps(asdict(turn))) + len(json.dumps(asdict(event)))
        self._current = _Running(event=event, result=asyncio.ensure_future(child.result()))

    def _end(self, running: _Running) -> None:
        self._current = None
        try:
            result = running.result.result()
        except InstanceAlreadyExistsError:
            return  # asked for, and answered, long ago
        except PerdureError as error:
            # Whoever asked is told by the turn itself. The conversation goes on as if it had not
            # been asked for.
            _log.info("a turn has failed: %s", type(error).__name__)
            return
        self._bytes += len(json.dumps(asdict(result)))
        self._session = apply_changes(self._session or {}, result.changes)
        self._transcripts = result.transcripts
        self._turns += 1
        self._last_turn = running.event.turn_id
        self._usage = _sum(self._usage, result.response.get("usage_details") or {})

    def _is_worn(self) -> bool:
        return self._begun > 0 and (
            self._begun >= self._settings.turns_per_run
            or self._bytes >= self._settings.bytes_per_run
        )

    def _carried(self) -> Carried:
        return Carried(
            session=self._session,
            transcripts=self._transcripts,
            turns=self._turns,
            usage=self._usage,
            last_turn=self._last_turn,
            queue=list(self._queue),
            is_closing=self._is_closing,
        )

    def _show(self) -> None:
        current = self._current
        perdure.set_custom_status(
            {
                "state": "idle" if current is None else "running",
                "message": None if current is None else current.event.message_id,
                "turn": None if current is None else current.event.turn_id,
                "queued": len(self._queue),
                "turns": self._turns,
                "usage": self._usage,
                "last_turn": self._last_turn,
            }
        )


def _sum(before: Json, used: Json) -> Json:
    # Sorted: the framework's own function goes through a set, in another order in each process.
    added = {name: value for name, value in used.items() if isinstance(value, int)}
    return {name: before.get(name, 0) + added.get(name, 0) for name in sorted({*before, *added})}
