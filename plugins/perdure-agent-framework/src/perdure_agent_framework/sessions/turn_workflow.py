"""A turn: the workflow that runs an agent once, with the session as the turn before left it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from agent_framework import AgentSession
from pydantic_core import PydanticSerializationError, to_jsonable_python

import perdure
from perdure_agent_framework.conversion import message_from_json, options_from_json
from perdure_agent_framework.errors import AgentRunError, NotDurableError
from perdure_agent_framework.models.transcripts import transcript_memory
from perdure_agent_framework.scope import turn_stream
from perdure_agent_framework.sessions.agent_responses import response_to_json
from perdure_agent_framework.sessions.state_changes import changes
from perdure_agent_framework.sessions.turn_errors import fields_of
from perdure_agent_framework.sessions.turns import Json, TurnResult

if TYPE_CHECKING:
    from perdure_agent_framework.catalogue import Catalogue
    from perdure_agent_framework.sessions.turns import Turn, TurnRequest


async def run_turn(catalogue: Catalogue, turn: Turn) -> TurnResult:
    """Run the agent, and return its response and what it changed of its session.

    Raises:
        AgentRunError: The run cannot go on.
        AgentNotRegisteredError: This app has no agent of that name.
        CancelledError: It was cancelled, perhaps before it began.
    """
    request = turn.request
    if request is None:
        perdure.set_custom_status({"message": turn.message_id})
        raise asyncio.CancelledError("the turn was cancelled before it began")
    shown = {"message": request.message_id, "digest": request.digest}
    perdure.set_custom_status(shown)
    try:
        return await _answer(catalogue, turn, request)
    except AgentRunError as error:
        perdure.set_custom_status({**shown, "error": fields_of(error)})
        raise


async def _answer(catalogue: Catalogue, turn: Turn, request: TurnRequest) -> TurnResult:
    if request.is_streamed:
        turn_stream.set(perdure.current_workflow().instance_id)
    memory = transcript_memory()
    memory.adopt(turn.transcripts)
    agent: Any = catalogue.find_agent(request.agent)
    session = _session_of(turn, request)
    response = await agent.run(
        [message_from_json(message) for message in request.messages],
        session=session,
        options=None if request.options is None else options_from_json(request.options),
    )
    return TurnResult(
        digest=request.digest,
        response=response_to_json(response),
        changes=changes(turn.session or {}, _session_to_json(session)),
        transcripts=memory.to_json(),
    )


def _session_of(turn: Turn, request: TurnRequest) -> AgentSession:
    if turn.session is None:
        return AgentSession(session_id=request.session_id)
    return AgentSession.from_dict(turn.session)


def _session_to_json(session: AgentSession) -> Json:
    data = session.to_dict()
    try:
        plain: Json = to_jsonable_python(data)
    except PydanticSerializationError as err:
        raise NotDurableError(
            what=f"the state of the session ({err})",
            remedy="keep JSON types in session.state, or classes given to register_state_type",
        ) from err
    return plain
