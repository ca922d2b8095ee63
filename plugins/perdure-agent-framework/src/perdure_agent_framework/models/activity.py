"""The activity of a model call: the framework's own client, called for real, once."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from contextlib import nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from perdure import PayloadStoreError
from perdure_agent_framework.conversion import (
    Json,
    message_from_json,
    message_to_json,
    options_from_json,
    response_to_json,
)
from perdure_agent_framework.models.errors import describe
from perdure_agent_framework.models.http_pools import keep_loops_apart
from perdure_agent_framework.models.message_notes import with_notes
from perdure_agent_framework.models.own_retries import without_own_retries
from perdure_agent_framework.models.rate_limits import slot_of
from perdure_agent_framework.models.transcript_store import TranscriptLostError, transcript_store
from perdure_agent_framework.redaction import redact, secrets_of
from perdure_agent_framework.streaming.answers import AnswerPublisher
from perdure_agent_framework.streaming.hubs import hub_of
from perdure_agent_framework.tools.pinned import PINS, called_tools

if TYPE_CHECKING:
    from agent_framework import BaseChatClient, ChatResponse

    from perdure_agent_framework.catalogue import Catalogue
    from perdure_agent_framework.models.transcript_store import Transcript, TranscriptStore

_logger = logging.getLogger(__name__)


async def call_model(catalogue: Catalogue, request: Json) -> Json:
    """Return the answer of the model that ``request`` names, or what went wrong, as data.

    A failure is no exception: history would keep its traceback and what clients put into messages.

    Raises:
        AgentNotRegisteredError: This app does not have the model.
        ConfigurationError: The stream hub that is set is none.
    """
    client = catalogue.find_model(request["model"])
    publisher = _publisher(catalogue, request)
    store = transcript_store()
    try:
        transcript = await store.load(request["transcript"])
    except TranscriptLostError as err:
        return {"resend": redact(str(err))}
    try:
        async with slot_of(catalogue, request["model"], transcript.options) as slot:
            response = await _called(client, request, transcript, publisher)
            slot.used(_tokens(response))
        # What JSON does not know is found out here, where it can be told as a failure.
        data = json.loads(json.dumps(response_to_json(response), allow_nan=False))
    except Exception as err:  # noqa: BLE001 - clients raise what they like; all of it is data
        return {"failure": describe(err, secrets=secrets_of(client)).to_json()}
    if publisher is not None:
        await publisher.answered()
    answer = [message_to_json(message) for message in response.messages]
    return {
        "response": data,
        "transcript": await _saved(store, transcript, answer),
        "called": called_tools(transcript.options, response),
    }


async def _called(
    client: BaseChatClient[Any],
    request: Json,
    transcript: Transcript,
    publisher: AnswerPublisher | None,
) -> ChatResponse[Any]:
    messages = with_notes(transcript.messages, request["transcript"]["notes"])
    keywords: dict[str, Any] = {
        **request["keywords"],
        "messages": [message_from_json(message) for message in messages],
        "options": options_from_json(_without_pins(transcript.options)),
    }
    seconds = request["timeout_seconds"]
    keep_loops_apart(client)
    try:
        with without_own_retries(client):
            # Only the call itself is timed: a wait for a rate limit is none of its time.
            async with nullcontext() if seconds is None else asyncio.timeout(seconds):
                response = await _response(client, keywords, publisher)
    except TimeoutError as err:
        if str(err):
            raise
        raise TimeoutError(f"no answer within {seconds} s") from err
    _stamp(response)
    return response


async def _response(
    client: BaseChatClient[Any], keywords: dict[str, Any], publisher: AnswerPublisher | None
) -> ChatResponse[Any]:
    if publisher is None:
        return await client._inner_get_response(stream=False, **keywords)
    stream: Any = client._inner_get_response(stream=True, **keywords)
    async for update in stream:
        await publisher.update(update)
    response: ChatResponse[Any] = await stream.get_final_response()
    return response


def _publisher(catalogue: Catalogue, request: Json) -> AnswerPublisher | None:
    if request["stream_id"] is None:
        return None
    return AnswerPublisher(
        hub_of(catalogue),
        request["stream_id"],
        call=request["call"],
        attempt=request["attempt"],
        agent=request["agent"],
    )


async def _saved(store: TranscriptStore, transcript: Transcript, answer: list[Json]) -> Json | None:
    try:
        stored = await store.save(transcript, answer)
    except PayloadStoreError as err:
        # The answer is there and paid for; the next call sends more than it might.
        _logger.warning("a transcript was not stored: %s", redact(str(err)))
        return None
    return None if stored is None else asdict(stored)


def _without_pins(options: Json) -> Json:
    return {name: value for name, value in options.items() if name != PINS}


def _stamp(response: ChatResponse[Any]) -> None:
    """Give tool calls without an id of the framework's one here, where chance may have a say."""
    for message in response.messages:
        for content in message.contents:
            if content.type == "function_call" and content.id is None:
                content.id = f"af-call-{uuid.uuid4().hex}"


def _tokens(response: ChatResponse[Any]) -> int:
    usage = response.usage_details or {}
    return (usage.get("input_token_count") or 0) + (usage.get("output_token_count") or 0)
