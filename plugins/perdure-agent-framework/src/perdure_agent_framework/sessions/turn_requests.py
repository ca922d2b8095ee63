"""Making a request to an agent of what a user says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from agent_framework import normalize_messages

from perdure.framework import in_workflow
from perdure_agent_framework.conversion import message_to_json, options_to_json
from perdure_agent_framework.errors import NotDurableError
from perdure_agent_framework.models.requests import refuse_secret_options
from perdure_agent_framework.models.transcripts import digest_of
from perdure_agent_framework.sessions.ids import session_instance_id, turn_instance_id
from perdure_agent_framework.sessions.turn_calls import TurnCall
from perdure_agent_framework.sessions.turns import TurnRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_framework import AgentRunInputs

    from perdure_agent_framework.sessions.turns import SessionSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whom a message is for, and the instances that will answer it.

    Attributes:
        agent: The agent's name.
        session_id: The conversation, by the user's own id; that of the message if it is in none.
        message_id: The message, by the user's own id.
        session: The instance id of the session; ``None`` if it is in none.
        turn_id: The instance id of the turn.
    """

    agent: str
    session_id: str
    message_id: str
    session: str | None
    turn_id: str

    @classmethod
    def of(cls, *, agent: str, name: str, session_id: str | None, message_id: str) -> Self:
        """Return where a message goes; ``name`` is what conversations are kept under.

        Raises:
            TypeError: An id is no text.
            ValueError: An id is empty, or longer than 1,024 characters.
        """
        session = None if session_id is None else session_instance_id(name, session_id)
        return cls(
            agent=agent,
            session_id=session_id or message_id,
            message_id=message_id,
            session=session,
            # No session has the id of what is in none: there is no space in any.
            turn_id=turn_instance_id(session or f"alone {name}", message_id),
        )


def turn_call(
    asked: Asked,
    messages: AgentRunInputs | None,
    *,
    options: Mapping[str, Any] | None,
    is_streamed: bool,
    settings: SessionSettings,
) -> TurnCall:
    """Return the call that asks for a turn.

    Raises:
        NotDurableError: Something of it cannot be stored, or this is a workflow.
    """
    if in_workflow():
        raise NotDurableError(
            what="runner.run(…) inside a workflow", remedy="await agent.run(…) there"
        )
    if options and "tools" in options:
        raise NotDurableError(
            what="options={'tools': …} of a run", remedy="give the tools to the agent"
        )
    # The request is stored as it is, before a model call could refuse it.
    refuse_secret_options(options or {})
    said = [message_to_json(message) for message in normalize_messages(messages)]
    encoded = options_to_json(options) if options else None
    request = TurnRequest(
        agent=asked.agent,
        session_id=asked.session_id,
        message_id=asked.message_id,
        messages=said,
        options=encoded,
        digest=digest_of([said, encoded]),
        is_streamed=is_streamed,
    )
    return TurnCall(
        request=request, turn_id=asked.turn_id, session=asked.session, settings=settings
    )
