"""What gRPC raises, as errors of ours that say what, which one, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest

from perdure import (
    AuthenticationFailedError,
    BackendUnavailableError,
    ConfigurationError,
    InstanceActiveError,
    InstanceFinishedError,
    InstanceNotFoundError,
    PayloadTooLargeError,
)
from perdure.spi.remote.attempts import NoAnswerError
from perdure_azure import create_backend
from perdure_azure.faults import (
    ANSWERING,
    PURGING,
    RefusedTokenError,
    StaleItemError,
    TakenError,
    ThrottledError,
    translate,
)
from perdure_azure.tokens import Tokens

if TYPE_CHECKING:
    from perdure_azure.address import Address

LOCAL = "azure://127.0.0.1:8080/trips"
REMOTE = "azure://trips.westus.durabletask.io/trips"


def address_of(url: str) -> Address:
    backend: Any = create_backend(url)
    address: Address = backend._address
    return address


def translated(
    code: grpc.StatusCode,
    details: str = "",
    *,
    url: str = LOCAL,
    instance_id: str = "trip-1",
    action: str = "raise an event",
    trailer: tuple[tuple[str, str], ...] = (),
) -> Exception:
    address = address_of(url)
    error = grpc.aio.AioRpcError(
        code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailer), details=details
    )
    return translate(
        error,
        address=address,
        tokens=Tokens(address.authentication, audience=address.audience),
        action=action,
        instance_id=instance_id,
    )


@pytest.mark.parametrize(
    ("code", "details", "kind"),
    [
        (grpc.StatusCode.NOT_FOUND, "Instance not found", InstanceNotFoundError),
        (grpc.StatusCode.ALREADY_EXISTS, "an instance has that id", TakenError),
        (grpc.StatusCode.NOT_FOUND, "Task hub not found: trips", ConfigurationError),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "at its limit", ThrottledError),
        (grpc.StatusCode.INTERNAL, "something new", BackendUnavailableError),
        (grpc.StatusCode.UNKNOWN, "", BackendUnavailableError),
        (grpc.StatusCode.CANCELLED, "", NoAnswerError),
    ],
)
def test_what_the_scheduler_says_is_understood(
    code: grpc.StatusCode, details: str, kind: type[Exception]
) -> None:
    assert type(translated(code, details)) is kind


def test_what_is_not_found_without_an_instance_is_a_work_item_that_was_given_up() -> None:
    error = translated(grpc.StatusCode.NOT_FOUND, "no such token", action=ANSWERING, instance_id="")
    assert type(error) is StaleItemError


def test_what_is_not_found_where_no_instance_was_meant_is_the_hub() -> None:
    error = translated(grpc.StatusCode.NOT_FOUND, "no such thing", instance_id="")
    assert type(error) is ConfigurationError
    error = translated(grpc.StatusCode.NOT_FOUND, "the task hub 'x' does not exist")
    assert type(error) is ConfigurationError


def test_a_call_that_does_not_fit_how_an_instance_stands_says_how_it_stands() -> None:
    code = grpc.StatusCode.FAILED_PRECONDITION
    assert type(translated(code, "it runs", action=PURGING)) is InstanceActiveError
    assert type(translated(code, "it is over", action="raise an event")) is InstanceFinishedError


def test_a_hub_that_there_is_not_is_named_with_how_to_see_those_that_there_are() -> None:
    error = translated(grpc.StatusCode.NOT_FOUND, "Task hub not found: trips", url=REMOTE)
    assert "trips.westus.durabletask.io" in str(error)
    assert "'trips'" in str(error)
    assert "az durabletask taskhub list" in str(error)


def test_a_local_scheduler_that_is_not_there_is_named_with_what_to_start() -> None:
    error = translated(grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses")
    assert isinstance(error, NoAnswerError)
    assert not error.was_sent
    assert "127.0.0.1:8080" in str(error)
    assert "perdure stack up azure" in str(error)


def test_a_remote_one_is_not_started_but_looked_for() -> None:
    error = translated(grpc.StatusCode.UNAVAILABLE, "DNS resolution failed for it", url=REMOTE)
    assert isinstance(error, NoAnswerError)
    assert not error.was_sent
    assert "perdure stack" not in str(error)
    assert "check the endpoint" in str(error)


def test_a_connection_that_breaks_leaves_open_what_was_done() -> None:
    error = translated(grpc.StatusCode.UNAVAILABLE, "Socket closed")
    assert isinstance(error, NoAnswerError)
    assert (error.was_sent, error.is_late) == (True, False)


def test_a_deadline_that_passes_leaves_open_what_was_done() -> None:
    error = translated(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
    assert isinstance(error, NoAnswerError)
    assert (error.was_sent, error.is_late) == (True, True)


@pytest.mark.parametrize(
    ("url", "hint"), [(LOCAL, "does it want https"), (REMOTE, "does it speak TLS at all")]
)
def test_a_failed_handshake_tells_of_the_scheme(url: str, hint: str) -> None:
    details = "failed to connect to all addresses; last error: Ssl handshake failed: SSL_ERROR_SSL"
    assert hint in str(translated(grpc.StatusCode.UNAVAILABLE, details, url=url))


@pytest.mark.parametrize(
    ("told", "seconds"), [("250", 0.25), ("1500", 1.5), ("soon", 0.0), (None, 0.0)]
)
def test_a_limit_tells_how_long_to_wait_if_the_scheduler_does(
    told: str | None, seconds: float
) -> None:
    trailer = () if told is None else (("retry-after-ms", told),)
    error = translated(grpc.StatusCode.RESOURCE_EXHAUSTED, "at its limit", trailer=trailer)
    assert isinstance(error, ThrottledError)
    assert error.retry_after_seconds == seconds


@pytest.mark.parametrize(
    ("code", "details", "sizes"),
    [
        # What gRPC itself says, in Go and in C.
        (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "grpc: received message larger than max (5242880 vs. 4194304)",
            (5242880, 4194304),
        ),
        (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "SERVER: Received message larger than max (4300052 vs. 4194304)",
            (4300052, 4194304),
        ),
        # What the stand-in says.
        (
            grpc.StatusCode.INVALID_ARGUMENT,
            "the activity input has 1048577 bytes; the limit for each payload is 1048576 bytes",
            (1048577, 1048576),
        ),
        # Likely forms of what the service says, which is not published.
        (
            grpc.StatusCode.INVALID_ARGUMENT,
            "Payload size exceeds the maximum allowed size",
            (1048577, 1048576),
        ),
    ],
)
def test_what_is_too_large_is_told_with_both_sizes_and_the_remedy(
    code: grpc.StatusCode, details: str, sizes: tuple[int, int]
) -> None:
    error = translated(code, details)
    assert isinstance(error, PayloadTooLargeError)
    assert (error.size, error.limit) == sizes
    assert "PERDURE_PAYLOADS" in str(error)


def test_what_is_too_large_is_named_as_the_scheduler_names_it() -> None:
    details = "the custom status has 1048579 bytes; the limit for each payload is 1048576 bytes"
    error = translated(grpc.StatusCode.INVALID_ARGUMENT, details)
    # It goes to no store, so that is no remedy.
    assert str(error) == (
        "the custom status: 1,048,579 bytes, and the limit is 1,048,576; show less"
    )
    error = translated(grpc.StatusCode.INVALID_ARGUMENT, "request too large")
    assert "what was sent to raise an event (request too large)" in str(error)


def test_an_anonymous_call_that_is_refused_is_told_to_name_an_identity() -> None:
    error = translated(grpc.StatusCode.UNAUTHENTICATED, "no token")
    assert isinstance(error, RefusedTokenError)
    assert "no token" in str(error)
    assert "Authentication other than None" in str(error)


def test_an_identity_without_a_role_is_told_the_roles() -> None:
    error = translated(grpc.StatusCode.PERMISSION_DENIED, "no role", url=REMOTE)
    assert isinstance(error, AuthenticationFailedError)
    assert not isinstance(error, RefusedTokenError)
    for said in ("Durable Task Data Contributor", "trips.westus.durabletask.io", "'trips'"):
        assert said in str(error)
