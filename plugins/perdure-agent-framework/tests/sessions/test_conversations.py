"""Conversations: what is said is remembered, and the same request has the same answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agent_framework import AgentResponse, Content, Message
from pydantic import BaseModel

from perdure.testing.scripted_model import when
from perdure_agent_framework import MessageConflictError
from sessions.desk import HOLDS, Gate, open_desk

PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="


class Verdict(BaseModel):
    city: str
    is_far: bool


async def test_a_conversation_goes_on_where_it_was() -> None:
    async with open_desk() as desk:
        await desk.runner.run("one", session_id="a")
        await desk.runner.run("two", session_id="a")
        await desk.runner.run("elsewhere", session_id="b")
        said = [message.text for message in await desk.runner.history("a")]
        assert said == ["one", "you said one", "two", "you said two"]
        assert [request.messages for request in desk.model.requests()] == [2, 4, 2]


async def test_a_response_is_the_frameworks_own() -> None:
    async with open_desk(
        when(user="hi").says("hello").costs(input_tokens=3, output_tokens=4)
    ) as desk:
        reply: AgentResponse[Any] = await desk.runner.run("hi", session_id="a")
        assert type(reply) is AgentResponse
        assert (reply.text, reply.finish_reason) == ("hello", "stop")
        assert reply.usage_details is not None
        assert reply.usage_details["total_token_count"] == 7
        assert reply.response_id
        assert reply.messages[0].author_name == "support"


async def test_a_response_of_a_form_has_a_value() -> None:
    verdict = Verdict(city="Oslo", is_far=True)
    async with open_desk(when(output_schema="Verdict").answers(verdict)) as desk:
        reply = await desk.runner.run("?", session_id="a", options={"response_format": Verdict})
        assert reply.value == verdict


async def test_pictures_go_along() -> None:
    async with open_desk(when(images=1).says("a pixel")) as desk:
        picture = Content.from_uri(uri=PIXEL, media_type="image/gif")
        message = Message("user", ["what is it?", picture])
        assert (await desk.runner.run([message], session_id="a")).text == "a pixel"


async def test_the_same_message_id_gives_the_same_reply_and_asks_once() -> None:
    async with open_desk() as desk:
        replies = await asyncio.gather(
            *(desk.runner.run("hi", session_id="a", message_id="m-1") for _ in range(5))
        )
        later = await desk.runner.run("hi", session_id="a", message_id="m-1")
        assert {reply.response_id for reply in replies} == {later.response_id}
        assert desk.asked() == 1


async def test_without_a_message_id_each_request_is_a_turn() -> None:
    async with open_desk() as desk:
        await desk.runner.run("hi", session_id="a")
        await desk.runner.run("hi", session_id="a")
        assert desk.asked() == 2


async def test_a_message_id_of_another_conversation_is_another() -> None:
    async with open_desk() as desk:
        await desk.runner.run("hi", session_id="a", message_id="m-1")
        await desk.runner.run("ho", session_id="b", message_id="m-1")
        assert desk.asked() == 2


async def test_another_content_under_the_same_message_id_is_refused() -> None:
    async with open_desk() as desk:
        await desk.runner.run("hi", session_id="a", message_id="m-1")
        with pytest.raises(MessageConflictError, match="'m-1' of session 'a'"):
            await desk.runner.run("ho", session_id="a", message_id="m-1")
        with pytest.raises(MessageConflictError):
            await desk.runner.run(
                "hi", session_id="a", message_id="m-1", options={"temperature": 1.0}
            )


async def test_of_two_contents_at_once_under_one_message_id_one_is_refused() -> None:
    async with open_desk() as desk:
        replies = await asyncio.gather(
            *(desk.runner.run(text, session_id="a", message_id="m") for text in ("hi", "ho")),
            return_exceptions=True,
        )
        kinds = sorted(type(reply).__name__ for reply in replies)
        assert kinds == ["AgentResponse", "MessageConflictError"]
        assert desk.asked() == 1


async def test_another_content_is_refused_while_the_first_is_being_answered() -> None:
    gate = Gate()
    async with open_desk(HOLDS, tools=[gate.hold]) as desk:
        first = asyncio.create_task(desk.runner.run("hold", session_id="a", message_id="m"))
        await gate.is_reached()
        with pytest.raises(MessageConflictError):
            await desk.runner.run("other", session_id="a", message_id="m")
        gate.open()
        assert (await first).text == "you said hold"


async def test_a_request_without_a_session_is_no_part_of_any() -> None:
    async with open_desk() as desk:
        first = await desk.runner.run("hi", message_id="m-1")
        again = await desk.runner.run("hi", message_id="m-1")
        await desk.runner.run("hi")
        assert first.response_id == again.response_id
        assert [request.messages for request in desk.model.requests()] == [2, 2]


async def test_requests_at_once_are_answered_in_the_order_of_their_arrival() -> None:
    gate = Gate()
    async with open_desk(HOLDS, tools=[gate.hold]) as desk:
        runs = [asyncio.create_task(desk.runner.run("hold", session_id="a"))]
        await gate.is_reached()
        for number in range(1, 5):
            runs.append(asyncio.create_task(desk.runner.run(str(number), session_id="a")))
            await desk.until_queued("a", number)
        gate.open()
        await asyncio.gather(*runs)
        said = [message.text for message in await desk.runner.history("a") if message.text]
        assert said[0::2] == ["hold", "1", "2", "3", "4"]
        assert said[1::2] == [f"you said {text}" for text in said[0::2]]


async def test_a_hundred_conversations_at_once_keep_apart() -> None:
    async with open_desk() as desk:

        async def talk(number: int) -> list[str]:
            for word in ("first", "second"):
                await desk.runner.run(f"{word} {number}", session_id=f"s-{number}")
            return [message.text for message in await desk.runner.history(f"s-{number}")]

        said = await asyncio.gather(*(talk(number) for number in range(100)))
        for number, texts in enumerate(said):
            assert texts[0::2] == [f"first {number}", f"second {number}"]
        assert desk.asked() == 200
