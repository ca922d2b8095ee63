"""Sorting what clients raise into kinds."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import httpx2 as httpx
import openai
import pytest
from agent_framework.exceptions import (
    ChatClientContentFilterException,
    ChatClientException,
    ChatClientInvalidAuthException,
    ChatClientInvalidRequestException,
    ChatClientInvalidResponseException,
)

from perdure import ActivityError, ActivityTimeoutError
from perdure.testing import ManualClock
from perdure.types import Failure
from perdure_agent_framework.models.errors import ModelFailure, describe

if TYPE_CHECKING:
    from perdure_agent_framework.policies import ModelErrorKind

REQUEST = httpx.Request("POST", "http://127.0.0.1/v1/chat/completions")


def openai_error(
    status: int, code: str | None = None, message: str = "no", headers: dict[str, str] | None = None
) -> Exception:
    """Return what the framework's OpenAI client raises on an HTTP error."""
    body = {"message": message, "code": code, "type": "some_error"}
    response = httpx.Response(status, json={"error": body}, headers=headers, request=REQUEST)
    inner = openai.AsyncOpenAI(api_key="none")._make_status_error_from_response(response)
    return wrapped(inner)


def wrapped(inner: Exception) -> Exception:
    """Return ``inner`` as the framework hands it on."""
    try:
        raise ChatClientException("service failed to complete the prompt", inner) from inner
    except ChatClientException as error:
        return error


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (429, "rate_limit_exceeded", "slow down", "rate_limited"),
        (429, "insufficient_quota", "pay", "quota"),
        (429, None, "You exceeded your current quota, check your plan", "quota"),
        (500, None, "oops", "server_error"),
        (503, None, "busy", "server_error"),
        (529, None, "overloaded", "server_error"),
        (504, None, "upstream", "timeout"),
        (408, None, "slow", "timeout"),
        (409, None, "locked", "server_error"),
        (401, "invalid_api_key", "who?", "authentication"),
        (403, None, "not you", "authentication"),
        (402, None, "pay", "quota"),
        (400, "context_length_exceeded", "long", "context_length"),
        (400, None, "prompt is too long: 210000 tokens", "context_length"),
        (413, None, "large", "context_length"),
        (400, "content_filter", "filtered", "content_filter"),
        (400, None, "bad", "invalid_request"),
        (404, "model_not_found", "which?", "invalid_request"),
        (422, None, "bad", "invalid_request"),
    ],
)
def test_http_errors_by_code_then_text_then_status(
    status: int, code: str | None, message: str, kind: ModelErrorKind
) -> None:
    failure = describe(openai_error(status, code, message))
    assert (failure.kind, failure.status_code) == (kind, status)
    assert message in failure.detail


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (wrapped(openai.APITimeoutError(REQUEST)), "timeout"),
        (wrapped(openai.APIConnectionError(request=REQUEST)), "connection"),
        (wrapped(httpx.ReadTimeout("slow")), "timeout"),
        (wrapped(httpx.RemoteProtocolError("peer closed connection")), "connection"),
        (wrapped(ConnectionResetError()), "connection"),
        (TimeoutError(), "timeout"),
        (ChatClientContentFilterException("filtered"), "content_filter"),
        (ChatClientInvalidAuthException("who?"), "authentication"),
        (ChatClientInvalidRequestException("bad"), "invalid_request"),
        (ChatClientInvalidResponseException("half an answer"), "server_error"),
        (ValueError("a bug of the client"), "unknown"),
    ],
)
def test_errors_without_a_status_by_class(error: Exception, kind: ModelErrorKind) -> None:
    assert describe(error).kind == kind


def test_error_told_in_the_middle_of_a_stream_by_its_code() -> None:
    body = {"message": "The server had an error", "type": "server_error", "code": None}
    error = openai.APIError("The server had an error", REQUEST, body=body)
    assert describe(wrapped(error)).kind == "server_error"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-3"}, 0.0),
        ({}, None),
    ],
)
def test_retry_after_in_seconds(headers: dict[str, str], seconds: float | None) -> None:
    assert describe(openai_error(429, headers=headers)).retry_after_seconds == seconds


def test_retry_after_as_a_date_counts_from_now() -> None:
    clock = ManualClock()
    date = format_datetime(clock.now + timedelta(seconds=90), usegmt=True)
    error = openai_error(503, headers={"retry-after": date})
    assert describe(error, clock=clock).retry_after_seconds == 90
    clock.move_to(clock.now_us() + 100_000_000)
    assert describe(error, clock=clock).retry_after_seconds == 0


def test_retry_after_as_an_attribute() -> None:
    class Busy(Exception):
        retry_after: Any = timedelta(seconds=4)

    assert describe(Busy()).retry_after_seconds == 4


def test_an_error_that_is_its_own_cause_is_described() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert describe(first).detail == "ValueError: first"


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: sk-proj-Ab_12*****9xyz.",
        "headers: {'Authorization': 'Bearer Ab_12*****9xyz'}",
        'headers: {"api-key": "Ab_12*****9xyz"}',
        "GET /v1?api_key=Ab_12*****9xyz&v=1",
        "the key Ab_12*****9xyz is wrong",
    ],
)
def test_details_have_no_secrets(text: str) -> None:
    failure = describe(ValueError(text), secrets=["Ab_12*****9xyz"])
    assert "9xyz" not in failure.detail
    unknown = describe(ValueError(text.replace("the key", "Bearer")))
    assert "9xyz" not in unknown.detail


def test_details_are_cut() -> None:
    assert len(describe(ValueError("x" * 10_000)).detail) == 1_000


def test_failures_survive_json() -> None:
    failure = describe(openai_error(429, headers={"retry-after": "7"}))
    assert ModelFailure.from_json(failure.to_json()) == failure


def test_failures_of_the_activity_itself() -> None:
    timeout = ActivityTimeoutError(
        activity="agent.model", failure=Failure.from_exception(TimeoutError("late"))
    )
    assert ModelFailure.from_activity(timeout).kind == "timeout"
    crash = ActivityError(activity="agent.model", failure=Failure.from_exception(ValueError("x")))
    assert ModelFailure.from_activity(crash).kind == "unknown"
