"""What a program is told when the sidecar does not answer, or not with an answer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from agent_framework import Agent, Message

from perdure import PerdureError
from perdure_agent_framework.dapr_conversation import (
    DaprAnswerError,
    DaprAuthenticationError,
    DaprComponentNotFoundError,
    DaprConversationChatClient,
    DaprConversationError,
    DaprModelError,
    DaprRequestError,
    DaprTimeoutError,
    DaprUnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dapr_conversation.conftest import Sidecar


@contextlib.asynccontextmanager
async def front(answer: bytes | None) -> AsyncIterator[str]:
    """Listen as a gateway in front of a sidecar does, and say ``answer``, or nothing at all."""
    handled = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await reader.read()  # until the client has had enough
        else:
            writer.write(answer)
        writer.close()
        with contextlib.suppress(ConnectionError):  # the client was the first to close
            await writer.wait_closed()
        handled.set()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await handled.wait()


def answer(status: str, *headers: str, body: str = "") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", body]).encode()


async def fail(client: DaprConversationChatClient) -> DaprConversationError:
    with pytest.raises(DaprConversationError) as caught:
        await client.get_response([Message("user", ["hello"])])
    assert isinstance(caught.value, PerdureError)
    return caught.value


async def test_a_component_that_is_not_there_is_named(sidecar: Sidecar) -> None:
    error = await fail(sidecar.client("a/b"))
    assert isinstance(error, DaprComponentNotFoundError)
    assert "has no Conversation component 'a/b'; give it one" in str(error)
    assert (error.status_code, error.error_code) == (400, "ERR_CONVERSATION_NOT_FOUND")


@pytest.mark.parametrize("token", ["", "wrong-token"])
async def test_a_wrong_token_is_told_and_not_shown(sidecar: Sidecar, token: str) -> None:
    client = DaprConversationChatClient("echo", endpoint=sidecar.endpoint, api_token=token)
    error = await fail(client)
    assert isinstance(error, DaprAuthenticationError)
    assert error.status_code == 401
    assert "set DAPR_API_TOKEN" in str(error)
    assert "wrong-token" not in f"{error}{client.to_dict()}{vars(client)}"


async def test_what_the_sidecar_refuses_is_told_in_its_words(sidecar: Sidecar) -> None:
    with pytest.raises(DaprRequestError, match="missing inputs in request") as caught:
        await sidecar.client("echo")._transport.converse("echo", {"inputs": []})
    assert (caught.value.status_code, caught.value.error_code) == (
        400,
        "ERR_CONVERSATION_MISSING_INPUTS",
    )


async def test_a_sidecar_that_is_not_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    error = await fail(DaprConversationChatClient("echo", endpoint=f"http://127.0.0.1:{port}"))
    assert isinstance(error, DaprUnreachableError)
    assert isinstance(error, ConnectionError)
    assert f"http://127.0.0.1:{port} cannot be reached" in str(error)
    assert error.status_code is None


async def test_a_connection_that_breaks_is_told() -> None:
    async with front(b"") as endpoint:
        error = await fail(DaprConversationChatClient("echo", endpoint=endpoint))
    assert isinstance(error, DaprUnreachableError)


async def test_an_answer_that_does_not_come_is_waited_for_no_longer_than_said() -> None:
    async with front(None) as endpoint:
        client = DaprConversationChatClient(
            "echo", endpoint=endpoint, timeout=timedelta(milliseconds=100)
        )
        error = await fail(client)
    assert isinstance(error, DaprTimeoutError)
    assert isinstance(error, TimeoutError)
    assert "did not answer within 0.1 s" in str(error)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (("Retry-After: 7",), 7.0),
        (
            (
                "Date: Wed, 01 Jan 2025 00:00:00 GMT",
                "Retry-After: Wed, 01 Jan 2025 00:01:30 GMT",
            ),
            90.0,
        ),
        (("Retry-After: Wed, 01 Jan 2025 00:01:30 GMT",), None),
        (("Retry-After: soon",), None),
        ((), None),
    ],
)
async def test_how_long_to_wait_is_in_the_error(
    headers: tuple[str, ...], seconds: float | None
) -> None:
    async with front(answer("503 Service Unavailable", *headers, body="busy")) as endpoint:
        error = await fail(DaprConversationChatClient("echo", endpoint=endpoint))
    assert isinstance(error, DaprModelError)
    assert (error.status_code, error.retry_after) == (503, seconds)
    assert "busy" in str(error)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("API returned unexpected status code: 429: slow down", 429),
        ("googleapi: Error 503: overloaded", 503),
        ("operation error: https response error StatusCode: 400, RequestID: x", 400),
        ("order 429 was refused", 500),
    ],
)
async def test_the_status_of_the_model_is_taken_from_the_words(text: str, status: int) -> None:
    body = f'{{"errorCode": "ERR_CONVERSATION_INVOKE", "message": "{text}"}}'
    async with front(answer("500 Internal Server Error", body=body)) as endpoint:
        error = await fail(DaprConversationChatClient("echo", endpoint=endpoint))
    assert (error.status_code, error.error_code) == (status, "ERR_CONVERSATION_INVOKE")


async def test_a_sidecar_that_is_too_old_is_told() -> None:
    async with front(answer("404 Not Found", body="404 page not found")) as endpoint:
        error = await fail(DaprConversationChatClient("echo", endpoint=endpoint))
    assert isinstance(error, DaprRequestError)
    assert "1.16 or newer" in str(error)


@pytest.mark.parametrize("body", ["<html>", "[]", "{}", '{"outputs": "x"}', '{"outputs": [{}]}'])
async def test_what_is_no_answer_is_not_taken_for_one(body: str) -> None:
    async with front(answer("200 OK", body=body)) as endpoint:
        error = await fail(DaprConversationChatClient("echo", endpoint=endpoint))
    assert isinstance(error, DaprAnswerError)


async def test_a_stream_fails_in_the_same_way(sidecar: Sidecar) -> None:
    stream = Agent(sidecar.client("nowhere")).run("hello", stream=True)
    with pytest.raises(DaprComponentNotFoundError):
        await stream.get_final_response()
