"""Each fault is what the real client takes it for, and comes as often as the transcript says."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import openai
import pytest

from perdure.testing.scripted_model import MODEL, RequestRecord, Rule, ScriptedModel, when
from tests.testing.scripted_model.asking import WAYS, chat, client_of, respond, talk

if TYPE_CHECKING:
    from pathlib import Path

EVERY_WAY = pytest.mark.parametrize("way", WAYS)
STREAMED = pytest.mark.parametrize("way", ["chat", "responses"])
LONG = when().says("one two three four five six seven eight")


def fault(way: str, *rules: Rule) -> openai.APIError:
    """Return what the client raises."""

    async def talking() -> openai.APIError:
        async with talk(*rules) as (_, client):
            with pytest.raises(openai.APIError) as caught:
                await WAYS[way](client, "hello")
            return caught.value

    return asyncio.run(talking())


@EVERY_WAY
@pytest.mark.parametrize(
    ("status", "code", "expected", "expected_code"),
    [
        (401, None, openai.AuthenticationError, "invalid_api_key"),
        (429, None, openai.RateLimitError, "rate_limit_exceeded"),
        (429, "insufficient_quota", openai.RateLimitError, "insufficient_quota"),
        (400, "context_length_exceeded", openai.BadRequestError, "context_length_exceeded"),
        (500, None, openai.InternalServerError, None),
        (503, None, openai.InternalServerError, None),
    ],
)
def test_an_error_has_its_class_and_code(
    way: str,
    status: int,
    code: str | None,
    expected: type[openai.APIStatusError],
    expected_code: str | None,
) -> None:
    error = fault(way, when().fails(status, code=code))
    assert type(error) is expected
    assert error.status_code == status
    assert error.code == expected_code


def test_an_error_says_when_to_come_back() -> None:
    error = fault("chat", when().fails(429, retry_after=1.5))
    assert isinstance(error, openai.RateLimitError)
    assert error.response.headers["retry-after"] == "1.5"


def test_the_client_itself_comes_back_when_told() -> None:
    async def talking() -> list[str | None]:
        rules = [when().fails(429, retry_after=0.01, times=2), when().says("at last")]
        async with talk(*rules) as (model, client):
            said = await chat(client.with_options(max_retries=2), "hello")
            assert said.text == "at last"
            return [record.outcome for record in model.requests()]

    assert asyncio.run(talking()) == ["429", "429", "answer"]


@EVERY_WAY
def test_a_dropped_connection_is_a_connection_error(way: str) -> None:
    assert type(fault(way, when().drops(), LONG)) is openai.APIConnectionError


@pytest.mark.parametrize("way", ["chat", "responses"])
def test_half_an_answer_is_no_answer(way: str) -> None:
    error = fault(way, when().drops(after_chunks=1), LONG)
    assert type(error) is openai.APIConnectionError
    assert "peer closed connection" in str(error.__cause__)


@STREAMED
@pytest.mark.parametrize("chunks", [0, 1, 5])
def test_a_stream_drops_after_its_chunks(way: str, chunks: int) -> None:
    async def talking() -> list[float]:
        async with talk(when().drops(after_chunks=chunks), LONG) as (_, client):
            return await arrivals(client, way, until=openai.APIConnectionError)

    assert len(asyncio.run(talking())) == chunks


@STREAMED
def test_a_stream_hangs_after_its_chunks(way: str) -> None:
    async def talking() -> list[float]:
        async with talk(when().hangs(after_chunks=4), LONG) as (_, client):
            impatient = client.with_options(timeout=1)
            return await arrivals(impatient, way, until=openai.APITimeoutError)

    assert len(asyncio.run(talking())) == 4


async def arrivals(
    client: openai.AsyncOpenAI, way: str, *, until: type[openai.APIError] | None = None
) -> list[float]:
    """Return when each event of a stream came, until its end or until that error."""
    loop, times, caught = asyncio.get_running_loop(), list[float](), None
    try:
        async for _ in await begin_stream(client, way):
            times.append(loop.time())
    except openai.APIError as error:
        caught = type(error)
    assert caught is until
    return times


async def begin_stream(client: openai.AsyncOpenAI, way: str) -> Any:
    """Return the stream of an answer."""
    if way == "responses":
        return await client.responses.create(model=MODEL, input="hello", stream=True)
    return await client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "hello"}], stream=True
    )


@EVERY_WAY
def test_a_hang_lasts_until_the_client_gives_up(way: str) -> None:
    async def talking() -> list[RequestRecord]:
        async with talk(when().hangs()) as (model, client):
            with pytest.raises(openai.APITimeoutError):
                await WAYS[way](client.with_options(timeout=1), "hello")
            return model.requests()

    assert [(record.outcome, record.sent) for record in asyncio.run(talking())] == [("hung", False)]


def test_a_hang_does_not_hold_up_the_end_of_the_server() -> None:
    async def talking() -> None:
        model = ScriptedModel([when().hangs()])
        await model.__aenter__()
        async with client_of(model.url) as client:
            waiting = asyncio.create_task(chat(client, "hello"))
            while not model.requests():
                await asyncio.sleep(0.01)
            await model.__aexit__(None, None, None)
            with pytest.raises(openai.APIConnectionError, match="Connection error"):
                await waiting

    asyncio.run(asyncio.wait_for(talking(), timeout=5))


def test_a_fault_that_is_over_makes_way_for_the_next_rule() -> None:
    rules = [
        when().fails(500, times=1),
        when().drops(times=1),
        when().drops(after_chunks=1, times=1),
        when().says("well"),
    ]

    async def talking() -> list[tuple[str | None, str | None]]:
        async with talk(*rules) as (model, client):
            for _ in range(3):
                with pytest.raises(openai.APIError):
                    await respond(client, "hello")
            assert (await respond(client, "hello")).text == "well"
            return [(record.rule, record.outcome) for record in model.requests()]

    assert asyncio.run(talking()) == [
        ("rule-1", "500"),
        ("rule-2", "dropped"),
        ("rule-3", "dropped"),
        ("rule-4", "answer"),
    ]


def test_a_fault_can_be_counted_for_each_request_on_its_own() -> None:
    async def talking() -> list[str | None]:
        rules = [when().fails(500, times=1, per_request=True), when().says("well")]
        async with talk(*rules) as (model, client):
            for text in ["a", "a", "b", "b", "a"]:
                try:
                    await chat(client, text)
                except openai.InternalServerError:
                    continue
            return [record.outcome for record in model.requests()]

    assert asyncio.run(talking()) == ["500", "answer", "500", "answer", "answer"]


@pytest.mark.parametrize(("keeps_state", "outcome"), [(True, "answer"), (False, "500")])
def test_faults_are_counted_across_a_restart_if_there_is_a_file(
    tmp_path: Path, keeps_state: bool, outcome: str
) -> None:
    rules = [when().fails(500, times=1), when().says("well")]
    state = tmp_path / "state" if keeps_state else None

    async def talking() -> None:
        async with talk(*rules, log=tmp_path / "log", state=state) as (_, client):
            with pytest.raises(openai.InternalServerError):
                await chat(client, "hello")
        async with talk(*rules, log=tmp_path / "log", state=state) as (model, client):
            with contextlib.suppress(openai.InternalServerError):
                await chat(client, "hello")
            assert [record.outcome for record in model.requests()] == ["500", outcome]

    asyncio.run(talking())


@EVERY_WAY
def test_latency_comes_before_the_first_byte(way: str) -> None:
    async def talking() -> float:
        async with talk(when().says("a").after(0.4)) as (_, client):
            started = asyncio.get_running_loop().time()
            await WAYS[way](client, "hello")
            return asyncio.get_running_loop().time() - started

    assert asyncio.run(talking()) >= 0.4


def test_a_stream_has_a_latency_for_each_chunk() -> None:
    async def talking() -> list[float]:
        async with talk(LONG.after(0, per_chunk=0.1)) as (_, client):
            return await arrivals(client, "chat")

    times = asyncio.run(talking())
    assert len(times) == 10
    assert times[-1] - times[0] >= 0.8


def test_a_client_that_goes_in_the_middle_leaves_an_answer_that_was_not_sent() -> None:
    async def talking() -> list[RequestRecord]:
        async with talk(LONG.after(0, per_chunk=0.1)) as (model, client):
            async with await begin_stream(client, "chat") as stream:
                await anext(aiter(stream))
            return model.requests()

    assert [(r.outcome, r.sent) for r in asyncio.run(talking())] == [("answer", False)]
