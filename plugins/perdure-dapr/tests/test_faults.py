"""What gRPC raises, as errors of ours that say what to do."""

from __future__ import annotations

import grpc
import pytest

from perdure import (
    AuthenticationFailedError,
    BackendUnavailableError,
    InstanceNotFoundError,
    PayloadTooLargeError,
)
from perdure.spi.remote.attempts import NoAnswerError
from perdure_dapr.address import Address
from perdure_dapr.faults import (
    AwaitingActivityError,
    NotHostedError,
    StalledError,
    TakenError,
    TornReadError,
    translate,
)

pytestmark = pytest.mark.sdk_independent

ADDRESS = Address(target="127.0.0.1:50001", token="t")


def translated(code: grpc.StatusCode, details: str = "", address: Address = ADDRESS) -> Exception:
    error = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details=details)
    return translate(error, address=address, action="raise an event", instance_id="trip-1")


@pytest.mark.parametrize(
    ("details", "kind"),
    [
        ("failed to purge workflow state: no such instance exists", InstanceNotFoundError),
        ("workflow instance 'trip-1' not found", InstanceNotFoundError),
        ("an active workflow with ID 'trip-1' already exists", TakenError),
        (
            "a terminated workflow with ID 'trip-1' is already awaiting an activity result",
            AwaitingActivityError,
        ),
        ("workflow is stalled", StalledError),
        (
            "failed to create actor: actor type dapr.internal.x.workflow not registered",
            NotHostedError,
        ),
        ("inbox key 'inbox-000000' declared … but missing from state store", TornReadError),
        ("something new", BackendUnavailableError),
    ],
)
def test_what_the_sidecar_says_is_understood(details: str, kind: type[Exception]) -> None:
    assert type(translated(grpc.StatusCode.UNKNOWN, details)) is kind


def test_a_sidecar_that_is_not_there_is_named_with_what_to_start() -> None:
    error = translated(grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses")
    assert isinstance(error, NoAnswerError)
    assert not error.was_sent
    assert "127.0.0.1:50001" in str(error)
    assert "perdure stack up dapr" in str(error)


def test_a_connection_that_breaks_leaves_open_what_was_done() -> None:
    error = translated(grpc.StatusCode.UNAVAILABLE, "Socket closed")
    assert isinstance(error, NoAnswerError)
    assert error.was_sent


def test_a_deadline_that_passes_leaves_open_what_was_done() -> None:
    error = translated(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
    assert isinstance(error, NoAnswerError)
    assert (error.was_sent, error.is_late) == (True, True)


@pytest.mark.parametrize(("token", "said"), [("t", "a wrong token"), (None, "no token")])
def test_a_refused_token_tells_of_its_variable(token: str | None, said: str) -> None:
    address = Address(target="h:1", token=token)
    error = translated(grpc.StatusCode.UNAUTHENTICATED, "invalid token", address)
    assert isinstance(error, AuthenticationFailedError)
    assert said in str(error)
    assert "DAPR_API_TOKEN" in str(error)


@pytest.mark.parametrize(
    "details",
    [
        "grpc: received message larger than max (5242880 vs. 4194304)",
        "trying to send message larger than max (5242880 vs. 4194304)",
    ],
)
def test_a_message_that_is_too_large_is_told_with_both_sizes(details: str) -> None:
    error = translated(grpc.StatusCode.RESOURCE_EXHAUSTED, details)
    assert isinstance(error, PayloadTooLargeError)
    assert (error.size, error.limit) == (5242880, 4194304)
    assert "--max-body-size" in str(error)
