"""The scripted model's HTTP API."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from perdure.testing.scripted_model.api_errors import (
    ApiError,
    bad_request,
    no_rule,
    scripted_error,
    unknown_model,
)
from perdure.testing.scripted_model.chat_completions import read_chat, stream_chat, write_chat
from perdure.testing.scripted_model.choosing import Choice, choose
from perdure.testing.scripted_model.conversation import ModelRequest
from perdure.testing.scripted_model.delivery import EVENTS, JSON, Delivery
from perdure.testing.scripted_model.names import HEADER, MODEL
from perdure.testing.scripted_model.rendering import CREATED_AT, Rendered, render
from perdure.testing.scripted_model.replies import Drop, Fail, Hang
from perdure.testing.scripted_model.response_events import stream_response
from perdure.testing.scripted_model.responses import (
    new_messages,
    read_response,
    response_id,
    write_response,
)
from perdure.testing.scripted_model.transcript import Latency

if TYPE_CHECKING:
    from starlette.requests import Request

    from perdure.testing.scripted_model.log import RequestLog
    from perdure.testing.scripted_model.state import ServerState
    from perdure.testing.scripted_model.transcript import Transcript

_OUTCOMES = {"drop": "dropped", "hang": "hung"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedApi:
    """Answers by a transcript, and notes what it was asked."""

    transcript: Transcript
    log: RequestLog
    state: ServerState

    def application(self) -> Starlette:
        """Return the ASGI application."""
        routes = [
            Route("/v1/models", self._models, methods=["GET"]),
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
            Route("/v1/responses", self._responses, methods=["POST"]),
        ]
        return Starlette(routes=routes, exception_handlers={404: _no_such_path})

    async def _models(self, request: Request) -> JSONResponse:
        del request
        models = [
            {"id": model, "object": "model", "created": CREATED_AT, "owned_by": MODEL}
            for model in self.transcript.served
        ]
        return JSONResponse({"object": "list", "data": models}, headers={HEADER: ""})

    async def _chat(self, request: Request) -> Delivery:
        return self._reply("chat.completions", await request.body())

    async def _responses(self, request: Request) -> Delivery:
        return self._reply("responses", await request.body())

    def _reply(self, api: Literal["chat.completions", "responses"], content: bytes) -> Delivery:
        request_id = f"req_{uuid.uuid4().hex}"
        try:
            body = _parsed(content)
            asked = read_chat(body) if api == "chat.completions" else self._read_response(body)
        except ApiError as error:
            unread = ModelRequest(api=api, model="", messages=())
            self.log.received(request_id, unread, rule=None)
            return self._error(request_id, error)
        is_served = asked.model in self.transcript.served
        choice = choose(self.transcript, asked, faults=self.state.faults) if is_served else None
        self.log.received(request_id, asked, rule=None if choice is None else choice.rule)
        if choice is not None:
            return self._carry_out(request_id, choice, asked=asked, body=body)
        if not is_served:
            unknown = unknown_model(asked.model, served=self.transcript.served)
            return self._error(request_id, unknown)
        return self._error(request_id, no_rule(asked, rules=len(self.transcript.rules)))

    def _read_response(self, body: dict[str, Any]) -> ModelRequest:
        return read_response(body, state=self.state)

    def _carry_out(
        self, request_id: str, choice: Choice, *, asked: ModelRequest, body: dict[str, Any]
    ) -> Delivery:
        if choice.fault is not None:
            self.state.note_fault(choice.fault_key)
        if isinstance(choice.fault, Fail):
            return self._error(request_id, scripted_error(choice.fault), choice=choice)
        if choice.answer is None:
            return self._delivery(request_id, choice, chunks=(), content_type=JSON)
        answer = render(choice.answer, asked)
        # What is cut off is not stored: its client has no id to go on from.
        if asked.store and choice.fault is None:
            messages = (*new_messages(body), answer.message)
            previous = body.get("previous_response_id")
            self.state.store(response_id(answer), previous=previous, messages=messages)
        if asked.stream:
            chunks, ending = _stream(answer, asked)
            return self._delivery(
                request_id, choice, chunks=chunks, ending=ending, content_type=EVENTS
            )
        write = write_chat if asked.api == "chat.completions" else write_response
        whole = json.dumps(write(answer, asked)).encode()
        half = len(whole) // 2
        return self._delivery(
            request_id, choice, chunks=(whole[:half],), ending=whole[half:], content_type=JSON
        )

    def _delivery(
        self,
        request_id: str,
        choice: Choice,
        *,
        chunks: tuple[bytes, ...],
        content_type: str,
        ending: bytes = b"",
    ) -> Delivery:
        fault = choice.fault if isinstance(choice.fault, Drop | Hang) else None
        return Delivery(
            request_id=request_id,
            log=self.log,
            latency=choice.latency,
            outcome="answer" if fault is None else _OUTCOMES[fault.kind],
            rule=choice.rule,
            headers={"content-type": content_type},
            chunks=chunks,
            ending=ending,
            fault=fault,
        )

    def _error(self, request_id: str, error: ApiError, *, choice: Choice | None = None) -> Delivery:
        return Delivery(
            request_id=request_id,
            log=self.log,
            latency=Latency() if choice is None else choice.latency,
            outcome=str(error.status),
            rule="" if choice is None else choice.rule,
            status=error.status,
            headers={"content-type": JSON, **error.headers},
            ending=json.dumps(error.body()).encode(),
        )


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except ValueError as error:
        raise bad_request(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise bad_request(f"the body must be an object, got {type(body).__name__}")
    return body


def _stream(answer: Rendered, asked: ModelRequest) -> tuple[tuple[bytes, ...], bytes]:
    """Return the events of a stream, and what ends it."""
    if asked.api == "chat.completions":
        chunks = stream_chat(answer, asked)
        return tuple(f"data: {json.dumps(c)}\n\n".encode() for c in chunks), b"data: [DONE]\n\n"
    events = stream_response(answer, asked)
    return tuple(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events
    ), b""


async def _no_such_path(request: Request, error: Exception) -> JSONResponse:
    del error
    refused = ApiError(f"no path {request.url.path!r}", status=404, code="unknown_url")
    return JSONResponse(refused.body(), status_code=404)
