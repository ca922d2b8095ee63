"""First attempts: answers over the channel of the work items, and what comes after a failure."""

from __future__ import annotations

import asyncio
from concurrent import futures
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from perdure.errors import AuthenticationFailedError
from perdure.spi.remote.sdk_threads import Gauge
from perdure_azure import create_backend, sdk
from perdure_azure.answers import Answers
from perdure_azure.connection import Connection
from perdure_azure.faults import ThrottledError
from perdure_azure.first_attempts import FirstAttempts
from perdure_azure.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 10


class Scheduler:
    """A gRPC server that answers as the test says, and notes what comes on which channel."""

    def __init__(self) -> None:
        self.refusals: list[grpc.StatusCode] = []
        self.metadata: list[dict[str, str]] = []
        self.came: list[Any] = []

    def take(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.came.append(request)
        self.metadata.append({str(key): str(value) for key, value in context.invocation_metadata()})
        if self.refusals:
            context.abort(self.refusals.pop(0), "no")
        return sdk.Empty()


@pytest.fixture
def scheduler() -> Scheduler:
    return Scheduler()


@pytest.fixture
def target(scheduler: Scheduler) -> Iterator[str]:
    server = grpc.server(futures.ThreadPoolExecutor(2))
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            scheduler.take,
            request_deserializer=kind.FromString,
            response_serializer=sdk.Empty.SerializeToString,
        )
        for name, kind in (
            ("CompleteOrchestratorTask", sdk.pb.OrchestratorResponse),
            ("CompleteActivityTask", sdk.pb.ActivityResponse),
        )
    }
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("TaskHubSidecarService", handlers),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


class Sending:
    """Answers of one worker, with its gauge."""

    def __init__(self, target: str) -> None:
        backend: Any = create_backend(f"azure://{target}/trips")
        address = backend._address
        tokens = Tokens(address.authentication, audience=address.audience)
        self.connection = Connection(address, tokens, worker_id="w")
        self.channel = grpc.insecure_channel(target)
        self.gauge = Gauge()
        self.first = FirstAttempts(self.channel, self.connection)

    async def __aenter__(self) -> Sending:
        self.connection.open()
        loop = asyncio.get_running_loop()
        self.answers = Answers(self.connection, loop, self.gauge, first=self.first)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.answers.close()
        self.channel.close()
        await self.connection.close()

    async def is_idle(self) -> bool:
        return await asyncio.to_thread(self.gauge.wait_for_zero, SECONDS)


def turn() -> Any:
    return sdk.pb.OrchestratorResponse(instanceId="trip-1", completionToken="token")


async def test_an_answer_shows_the_hub_and_the_worker(scheduler: Scheduler, target: str) -> None:
    async with Sending(target) as sending:
        sending.answers.complete_turn(turn(), None)
        await sending.answers.complete_activity(sdk.pb.ActivityResponse(instanceId="trip-1"))
        assert await sending.is_idle()
    assert len(scheduler.came) == 2
    for metadata in scheduler.metadata:
        assert (metadata["taskhub"], metadata["workerid"]) == ("trips", "w")


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAUTHENTICATED,
    ],
)
async def test_what_is_not_taken_at_first_is_sent_again(
    scheduler: Scheduler, target: str, code: grpc.StatusCode
) -> None:
    scheduler.refusals = [code]
    async with Sending(target) as sending:
        sending.answers.complete_turn(turn(), None)
        assert await sending.is_idle()
    assert [one.completionToken for one in scheduler.came] == ["token", "token"]


async def test_an_answer_that_comes_too_late_is_not_sent_again(
    scheduler: Scheduler, target: str
) -> None:
    scheduler.refusals = [grpc.StatusCode.NOT_FOUND]
    async with Sending(target) as sending:
        sending.answers.complete_turn(turn(), None)
        assert await sending.is_idle()
    assert len(scheduler.came) == 1


async def test_a_pause_that_a_scheduler_asks_for_is_kept(
    scheduler: Scheduler, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    scheduler.refusals = [grpc.StatusCode.RESOURCE_EXHAUSTED]
    async with Sending(target) as sending:
        throttled = ThrottledError(problem="at its limit", retry_after_seconds=0.5)
        monkeypatch.setattr(sending.connection, "translate", lambda *_, **__: throttled)
        pause = asyncio.sleep

        async def note(seconds: float) -> None:
            slept.append(seconds)
            await pause(0)

        monkeypatch.setattr("perdure_azure.answers.asyncio.sleep", note)
        sending.answers.complete_turn(turn(), None)
        assert await sending.is_idle()
    assert slept[0] == 0.5
    assert len(scheduler.came) == 2


async def test_a_channel_that_is_closed_sends_nothing(scheduler: Scheduler, target: str) -> None:
    async with Sending(target) as sending:
        sending.channel.close()
        sending.answers.complete_turn(turn(), None)
        assert await sending.is_idle()
    assert len(scheduler.came) == 1  # by the connection


async def test_what_fails_since_the_worker_stops_is_not_sent_again(
    scheduler: Scheduler, target: str
) -> None:
    scheduler.refusals = [grpc.StatusCode.UNAVAILABLE]
    async with Sending(target) as sending:
        sending.answers.complete_turn(turn(), None)
        await sending.answers.close()
        assert await sending.is_idle()
    assert len(scheduler.came) == 1


async def test_without_a_token_at_hand_an_answer_goes_by_the_loop(
    scheduler: Scheduler, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Sending(target) as sending:
        monkeypatch.setattr(sending.connection, "metadata_at_hand", lambda: None)
        assert not sending.first.send("CompleteActivityTask", turn(), seconds=1, end=print)
        sending.answers.complete_turn(turn(), None)
        assert await sending.is_idle()
    assert len(scheduler.came) == 1


async def test_without_any_token_there_is_no_first_attempt(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise AuthenticationFailedError(backend="azure", problem="the backend is closed")

    async with Sending(target) as sending:
        monkeypatch.setattr(sending.connection, "metadata_at_hand", refuse)
        assert not sending.first.send("CompleteActivityTask", turn(), seconds=1, end=print)
