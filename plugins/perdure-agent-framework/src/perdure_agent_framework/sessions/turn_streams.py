"""The answer of a turn as the framework's own stream, fed by a stream hub."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from agent_framework import AgentResponse, AgentResponseUpdate, ResponseStream

from perdure_agent_framework.sessions.agent_responses import updates_of
from perdure_agent_framework.sessions.turn_errors import ENDS_OF_TURNS
from perdure_agent_framework.streaming.answers import finish, subscribe

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from perdure_agent_framework.streaming.answers import StreamChunk, StreamHub

KEY = "perdure"
"""Where an update's additional properties say where in the stream it stands."""


def stream_of_turn(
    hub: StreamHub,
    turn_id: str,
    *,
    agent: str,
    answer: Callable[[], Awaitable[AgentResponse[Any]]],
) -> ResponseStream[AgentResponseUpdate, AgentResponse[Any]]:
    """Return what the agent says as it says it; the final response is the durable one.

    Args:
        hub: Where it is published.
        turn_id: The turn, whose instance id is that of the stream.
        agent: The agent; what others say that it calls is not its answer.
        answer: Asks for the turn and waits for its response.
    """
    stream = _TurnStream(hub, turn_id, agent=agent, answer=answer)
    return ResponseStream(stream.updates(), finalizer=stream.final)


class _TurnStream:
    def __init__(
        self,
        hub: StreamHub,
        turn_id: str,
        *,
        agent: str,
        answer: Callable[[], Awaitable[AgentResponse[Any]]],
    ) -> None:
        self._hub = hub
        self._turn_id = turn_id
        self._agent = agent
        self._answer = answer
        self._response: AgentResponse[Any] | None = None

    async def updates(self) -> AsyncGenerator[AgentResponseUpdate, None]:
        heard: asyncio.Queue[StreamChunk | None] = asyncio.Queue()
        answering = asyncio.ensure_future(self._answer())
        listening = asyncio.ensure_future(self._listen(heard))
        ending = asyncio.ensure_future(self._end_after(answering, listening))
        is_live = False
        try:
            while (chunk := await heard.get()) is not None:
                if chunk.agent in (self._agent, None):
                    is_live = True
                    yield _update_of(chunk, self._agent)
            if not listening.cancelled():
                listening.result()
            self._response = await answering
        finally:
            for task in (answering, listening, ending):
                task.cancel()
        if not is_live:
            # It was asked for without a stream, or its workers publish elsewhere, or long ago.
            for sequence, update in enumerate(updates_of(self._response)):
                place = {"sequence": sequence, "kind": "whole"}
                update.additional_properties = {**(update.additional_properties or {}), KEY: place}
                yield update

    def final(self, updates: Sequence[AgentResponseUpdate]) -> AgentResponse[Any]:
        del updates  # the durable response says it all, and better
        assert self._response is not None
        return self._response

    async def _listen(self, heard: asyncio.Queue[StreamChunk | None]) -> None:
        try:
            async with aclosing(subscribe(self._hub, self._turn_id)) as chunks:
                async for chunk in chunks:
                    heard.put_nowait(chunk)
        finally:
            heard.put_nowait(None)

    async def _end_after(
        self, answering: asyncio.Future[AgentResponse[Any]], listening: asyncio.Future[None]
    ) -> None:
        await asyncio.wait({answering})
        if _has_ended(answering):
            await finish(self._hub, self._turn_id)
        else:
            # Others may listen, and the turn goes on.
            listening.cancel()


def _has_ended(answering: asyncio.Future[AgentResponse[Any]]) -> bool:
    """Return whether the turn has ended, and not only the wait for it."""
    if answering.cancelled():
        return False
    error = answering.exception()
    return error is None or isinstance(error, ENDS_OF_TURNS)


def _update_of(chunk: StreamChunk, agent: str) -> AgentResponseUpdate:
    place = {
        "sequence": chunk.sequence,
        "kind": chunk.kind,
        "call": chunk.call,
        "attempt": chunk.attempt,
    }
    update = chunk.update
    if update is None:
        return AgentResponseUpdate(contents=[], additional_properties={KEY: place})
    return AgentResponseUpdate(
        contents=update.contents,
        role=update.role,
        author_name=update.author_name or agent,
        response_id=update.response_id,
        message_id=update.message_id,
        merge_mode=getattr(update, "merge_mode", None),
        created_at=update.created_at,
        additional_properties={**(update.additional_properties or {}), KEY: place},
    )
