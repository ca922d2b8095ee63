"""The real ``openai`` client understands the answers, by each API, streamed or not."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest
from pydantic import BaseModel

from perdure.testing.scripted_model import MODEL, Rule, when
from tests.testing.scripted_model.asking import WAYS, Said, client_of, talk

if TYPE_CHECKING:
    from pathlib import Path

EVERY_WAY = pytest.mark.parametrize("way", WAYS)
PIXEL = "data:image/png;base64,iVBORw0KGgo="


class City(BaseModel):
    name: str
    inhabitants: int
    mayor: str | None


def ask(way: str, *rules: Rule, text: str = "hello", **options: Any) -> Said:
    async def talking() -> Said:
        async with talk(*rules) as (_, client):
            return await WAYS[way](client, text, **options)

    return asyncio.run(talking())


@EVERY_WAY
def test_text_arrives_as_it_was_written(way: str) -> None:
    text = " Two  words,\nthen a line: {nothing} {user} ✓ \n"
    said = ask(way, when().says(text))
    assert said.text == " Two  words,\nthen a line: {nothing} hello ✓ \n"
    assert (said.finish, said.calls) == ("stop", ())


@EVERY_WAY
def test_an_empty_text_is_an_answer(way: str) -> None:
    assert ask(way, when().says("")).text == ""


@EVERY_WAY
def test_parallel_calls_arrive_beside_text(way: str) -> None:
    rule = when().says("Looking.").calls("book", city="Oslo", nights=2).calls("pay", to="{user}")
    said = ask(way, rule)
    assert said.text == "Looking."
    assert [(tool, json.loads(arguments)) for tool, arguments in said.calls] == [
        ("book", {"city": "Oslo", "nights": 2}),
        ("pay", {"to": "hello"}),
    ]
    assert said.finish == "tool_calls"


@EVERY_WAY
def test_malformed_arguments_arrive_malformed(way: str) -> None:
    said = ask(way, when().calls_raw("book", '{"city": "Os'))
    assert said.calls == (("book", '{"city": "Os'),)


@EVERY_WAY
def test_tokens_are_counted_from_the_texts(way: str) -> None:
    said = ask(way, when().says("x" * 41), text="y" * 8)
    assert (said.input_tokens, said.output_tokens) == (2, 11)


@EVERY_WAY
def test_tokens_can_be_told(way: str) -> None:
    said = ask(way, when().says("a").costs(input_tokens=7_000, output_tokens=300))
    assert (said.input_tokens, said.output_tokens) == (7_000, 300)


@pytest.mark.parametrize("way", ["chat", "responses"])
def test_an_answer_can_end_at_its_limit(way: str) -> None:
    said = ask(way, when().says("and then", finish="length"))
    assert (said.text, said.finish) == ("and then", "length")


def test_the_events_of_responses_are_numbered_and_in_their_order() -> None:
    async def talking() -> list[tuple[int, str]]:
        async with talk(when().says("a").calls("b")) as (_, client):
            stream = await client.responses.create(model=MODEL, input="a", stream=True)
            return [(event.sequence_number, event.type) async for event in stream]

    numbered = asyncio.run(talking())
    assert [number for number, _ in numbered] == list(range(len(numbered)))
    assert [kind.removeprefix("response.") for _, kind in numbered] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]


def test_structured_output_is_parsed_into_its_class() -> None:
    oslo = City(name='the "{user}"', inhabitants=700_000, mayor=None)

    async def talking() -> list[City | None]:
        async with talk(when(output_schema="City").answers(oslo)) as (_, client):
            response = await client.responses.parse(model=MODEL, input="Oslo", text_format=City)
            chat = await client.chat.completions.parse(
                model=MODEL, messages=[{"role": "user", "content": "Oslo"}], response_format=City
            )
            return [response.output_parsed, chat.choices[0].message.parsed]

    assert asyncio.run(talking()) == [oslo.model_copy(update={"name": 'the "Oslo"'})] * 2


def test_images_are_taken_and_counted() -> None:
    async def talking() -> list[str | None]:
        async with talk(when(images=2).says("two"), when().says("not two")) as (_, client):
            image: Any = {"type": "image_url", "image_url": {"url": PIXEL}}
            chat = await client.chat.completions.create(
                model=MODEL,
                messages=[
                    {"role": "user", "content": [{"type": "text", "text": "a"}, image, image]}
                ],
            )
            part: Any = {"type": "input_image", "image_url": PIXEL, "detail": "auto"}
            message: Any = {"role": "user", "content": [part, part]}
            response = await client.responses.create(model=MODEL, input=[message])
            return [chat.choices[0].message.content, response.output_text]

    assert asyncio.run(talking()) == ["two", "two"]


def test_tool_results_lead_on_by_chat_completions() -> None:
    rules = [
        when(tool_results=0).calls("weather", city="Oslo").calls("time", city="Oslo"),
        when(tool_results=2).says("{result:weather} at {result}"),
    ]

    async def talking() -> str | None:
        messages: list[Any] = [{"role": "user", "content": "Oslo?"}]
        async with talk(*rules) as (_, client):
            first = await client.chat.completions.create(model=MODEL, messages=messages)
            message = first.choices[0].message
            messages.append(message)
            for call, result in zip(message.tool_calls or [], ["rain", "noon"], strict=True):
                messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
            last = await client.chat.completions.create(model=MODEL, messages=messages)
            return last.choices[0].message.content

    assert asyncio.run(talking()) == "rain at noon"


def test_a_stored_conversation_goes_on_by_its_id_also_after_a_restart(tmp_path: Path) -> None:
    rules = [
        when(tool_results=0).calls("weather", city="Oslo"),
        when(system="brief", tool_results=1).says("{user} {result:weather}"),
    ]

    async def first() -> tuple[str, str]:
        async with talk(*rules, state=tmp_path / "state") as (_, client):
            response = await client.responses.create(model=MODEL, input="Oslo?")
            call: Any = response.output[0]
            return response.id, call.call_id

    async def second(response_id: str, call_id: str) -> str:
        result: Any = {"type": "function_call_output", "call_id": call_id, "output": "rain"}
        async with talk(*rules, state=tmp_path / "state") as (_, client):
            response = await client.responses.create(
                model=MODEL, previous_response_id=response_id, input=[result], instructions="brief"
            )
            return response.output_text

    assert asyncio.run(second(*asyncio.run(first()))) == "Oslo? rain"


def test_an_answer_that_was_not_stored_is_not_gone_on_from() -> None:
    async def talking() -> None:
        async with talk(when().says("a")) as (_, client):
            answer = await client.responses.create(model=MODEL, input="a", store=False)
            with pytest.raises(openai.BadRequestError, match="no stored answer") as caught:
                await client.responses.create(
                    model=MODEL, input="b", previous_response_id=answer.id
                )
            assert caught.value.code == "previous_response_not_found"

    asyncio.run(talking())


@pytest.mark.parametrize("path", ["chat/completions", "responses"])
@pytest.mark.parametrize("stream", [False, True])
def test_the_same_request_gets_the_same_bytes_from_any_server(path: str, stream: bool) -> None:
    body = {"model": MODEL, "stream": stream}
    body |= {"input": "a"} if path == "responses" else {"messages": [{"role": "user"}]}

    async def talking() -> bytes:
        async with (
            talk(when().calls("book", city="Oslo")) as (model, _),
            httpx.AsyncClient() as http,
        ):
            answer = await http.post(f"{model.url}/{path}", json=body)
            return answer.raise_for_status().content

    assert asyncio.run(talking()) == asyncio.run(talking())


def test_it_calls_itself_a_scripted_model_wherever_it_shows() -> None:
    async def talking() -> None:
        async with talk(when(model=f"{MODEL}-small").says("a"), when().says("b")) as (_, client):
            models = [model.id async for model in client.models.list()]
            assert models == [MODEL, f"{MODEL}-small"]
            raw = await client.chat.completions.with_raw_response.create(
                model=MODEL, messages=[{"role": "user", "content": "a"}]
            )
            assert raw.headers["x-scripted-model"] == "rule-2"
            assert raw.parse().system_fingerprint == MODEL

    asyncio.run(talking())


@EVERY_WAY
def test_another_model_is_not_found(way: str) -> None:
    with pytest.raises(openai.NotFoundError, match="the transcript has: scripted-model"):
        ask(way, when().says("a"), model="gpt-5")


@EVERY_WAY
def test_what_no_rule_foresaw_is_told_and_not_answered(way: str) -> None:
    with pytest.raises(openai.BadRequestError, match=r"none of 1 rules matches.*'hello'"):
        ask(way, when(user="refund").says("a"))


@pytest.mark.parametrize(
    ("path", "body", "problem"),
    [
        ("chat/completions", b"{", "not JSON"),
        ("chat/completions", b"[]", "must be an object, got list"),
        ("chat/completions", b'{"messages": []}', "'model' must be a text, got nothing"),
        ("chat/completions", b'{"model": "a", "messages": [1]}', "a list of objects"),
        ("chat/completions", b'{"model": "a", "messages": [{"role": "cat"}]}', "no role 'cat'"),
        ("responses", b'{"model": "a", "input": [{"type": "smell"}]}', "no input of type 'smell'"),
        ("responses", b'{"model": "a", "text": 3}', "'text' must be an object, got int"),
        ("files", b"{}", "no path '/v1/files'"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_and_says_why(
    path: str, body: bytes, problem: str
) -> None:
    async def talking() -> httpx.Response:
        async with talk(when().says("a")) as (model, _), httpx.AsyncClient() as http:
            return await http.post(f"{model.url}/{path}", content=body)

    answer = asyncio.run(talking())
    assert answer.status_code in {400, 404}
    assert problem in answer.json()["error"]["message"]


def test_many_are_answered_at_once() -> None:
    async def talking() -> float:
        async with (
            talk(when().says("{user}").after(0.5)) as (model, _),
            client_of(model.url) as client,
        ):
            texts = [f"number {number}" for number in range(100)]
            started = asyncio.get_running_loop().time()
            said = await asyncio.gather(*(WAYS["chat"](client, text) for text in texts))
            assert [answer.text for answer in said] == texts
            return asyncio.get_running_loop().time() - started

    assert asyncio.run(talking()) < 25  # one after the other it would be 50
