"""What crosses between a runner, a session and its turns, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from perdure import event_type

Json = dict[str, Any]

SESSION_WORKFLOW = "agent.session"
TURN_WORKFLOW = "agent.turn"


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRequest:
    """What a user asks of an agent.

    Attributes:
        agent: The agent's name.
        session_id: The conversation, by the user's own id.
        message_id: The request, by the user's own id.
        messages: What is said.
        options: The chat options of the run.
        digest: Of messages and options, by which another request under the same id is recognised.
        is_streamed: Whether somebody wants the answer piece by piece.
    """

    agent: str
    session_id: str
    message_id: str
    messages: list[Json]
    options: Json | None
    digest: str
    is_streamed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvent:
    """What a session is told.

    Attributes:
        kind: ``turn``: answer ``request``. ``cancel``: do not begin the turn of ``message_id``.
            ``close``: end, once all that was asked before is answered.
        turn_id: The instance id of the turn.
    """

    kind: Literal["turn", "cancel", "close"]
    turn_id: str = ""
    message_id: str = ""
    request: TurnRequest | None = None


SESSION_EVENT = event_type("agent.session", SessionEvent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The input of a turn.

    Attributes:
        request: What is to be answered; ``None`` if it was cancelled before it began.
        session: The framework's session as the turn before left it; ``None`` in the first turn.
        transcripts: What model calls may build upon.
    """

    message_id: str
    request: TurnRequest | None = None
    session: Json | None = None
    transcripts: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnResult:
    """What came of a turn.

    Attributes:
        response: The framework's response.
        changes: What it changed of the framework's session.
        transcripts: What model calls of later turns may build upon.
        digest: That of the request.
    """

    digest: str
    response: Json
    changes: Json | None
    transcripts: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """When a session begins a new run, with an empty history.

    Attributes:
        turns_per_run: After so many turns.
        bytes_per_run: When its turns have been given so much.
    """

    turns_per_run: int
    bytes_per_run: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What a session takes along into its next run.

    Attributes:
        session: The framework's session; ``None`` before the first turn.
        transcripts: What model calls may build upon.
        turns: How many turns were answered.
        usage: What the framework counted in them.
        last_turn: The instance id of the newest turn that was answered.
        queue: What is not answered yet.
        is_closing: Whether it ends with that.
    """

    session: Json | None = None
    transcripts: Json | None = None
    turns: int = 0
    usage: Json = field(default_factory=dict)
    last_turn: str | None = None
    queue: list[SessionEvent] = field(default_factory=list)
    is_closing: bool = False
