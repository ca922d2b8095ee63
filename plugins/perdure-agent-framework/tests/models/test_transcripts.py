"""Transcripts by reference: what a model receives is what the framework sent, whatever it sent."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure import PayloadError
from perdure_agent_framework.models.transcript_store import (
    MemoryObjects,
    ObjectCache,
    TranscriptLostError,
    TranscriptStore,
)
from perdure_agent_framework.models.transcripts import TranscriptMemory

Json = dict[str, Any]


@dataclass
class _Objects:
    """A store of objects, which counts how it is used."""

    stored: dict[str, bytes] = field(default_factory=dict)
    written: int = 0
    reads: int = 0

    async def write(self, data: bytes) -> Json:
        name = f"object-{len(self.stored)}"
        self.stored[name] = data
        self.written += len(data)
        return {"place": name}

    async def read(self, reference: Json) -> bytes:
        self.reads += 1
        if reference["place"] not in self.stored:
            raise PayloadError(what=f"object {reference['place']}", problem="is not there any more")
        return self.stored[reference["place"]]


@dataclass
class _Conversation:
    """The two sides: what a workflow remembers, and a worker that remembers nothing."""

    objects: _Objects = field(default_factory=_Objects)
    memory: TranscriptMemory = field(default_factory=TranscriptMemory)
    request_bytes: int = 0
    losses: int = 0

    def store(self) -> TranscriptStore:
        return TranscriptStore(self.objects, ObjectCache(max_bytes=0), worth_storing_bytes=1)

    async def call(
        self, messages: list[Json], answer: list[Json], options: Json | None = None
    ) -> tuple[list[Json], Json]:
        """Make a model call; return what the model received."""
        request = json.loads(json.dumps(self.memory.request("a", messages, options or {})))
        self.request_bytes += len(json.dumps(request))
        try:
            loaded = await self.store().load(request)
        except TranscriptLostError:
            self.losses += 1
            self.memory.forget("a")
            loaded = await self.store().load(self.memory.request("a", messages, options or {}))
        stored = await self.store().save(loaded, answer)
        if stored is not None:
            self.memory.remember("a", stored)
        return loaded.messages, loaded.options


def message(text: str) -> Json:
    return {"role": "user", "contents": [{"type": "text", "text": text}]}


_TEXTS = st.lists(st.sampled_from(["a", "b", "ü\n", "long " * 50]), max_size=4)
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["append", "edit", "insert", "drop", "compact", "purge", "carry"]),
        st.integers(0, 30),
        _TEXTS,
        st.sampled_from([{}, {"temperature": 0.5}, {"tools": ["x"]}]),
    ),
    max_size=25,
)


@given(steps=_STEPS)
def test_model_receives_what_was_sent_whatever_was_appended_or_edited(steps: list[Any]) -> None:
    async def converse() -> None:
        conversation = _Conversation()
        messages: list[Json] = []
        for number, (change, place, texts, options) in enumerate(steps):
            new = [message(text) for text in texts]
            messages = _changed(conversation, change, messages, place % (len(messages) + 1), new)
            answer = [message(f"answer {number}")]
            assert await conversation.call(messages, answer, options) == (messages, options)
            messages = [*messages, *answer]

    asyncio.run(converse())


def _changed(
    conversation: _Conversation, change: str, messages: list[Json], place: int, new: list[Json]
) -> list[Json]:
    match change:
        case "append":
            return [*messages, *new]
        case "edit":
            return [*messages[:place], message("edited"), *messages[place + 1 :]]
        case "insert":
            return [*messages[:place], *new, *messages[place:]]
        case "drop":
            return [*messages[:place], *messages[place + 1 :]]
        case "compact":
            return [message("summary"), *messages[place:]]
        case "purge":
            conversation.objects.stored.clear()
        case "carry":
            state = json.loads(json.dumps(conversation.memory.to_json()))
            conversation.memory = TranscriptMemory()
            conversation.memory.adopt(state)
    return messages


async def test_a_growing_conversation_costs_what_is_new_and_few_reads() -> None:
    conversation = _Conversation()
    messages: list[Json] = []
    sizes = []
    for number in range(200):
        messages = [*messages, message(f"question {number} " * 20)]
        answer = [message(f"answer {number} " * 20)]
        before = conversation.request_bytes
        conversation.objects.reads = 0
        assert await conversation.call(messages, answer) == (messages, {})
        sizes.append(conversation.request_bytes - before)
        assert conversation.objects.reads <= 10
        messages = [*messages, *answer]
    assert max(sizes[1:]) < min(sizes[1:]) + 50
    total = len(json.dumps(messages))
    assert conversation.objects.written < 12 * total


async def test_options_are_sent_again_only_when_they_change() -> None:
    conversation = _Conversation()
    options = {"tools": ["declaration " * 100]}
    await conversation.call([message("1")], [message("2")], options)
    before = conversation.request_bytes
    sent = [message("1"), message("2"), message("3")]
    assert await conversation.call(sent, [message("4")], options) == (sent, options)
    assert conversation.request_bytes - before < 500
    other: Json = {"tools": []}
    assert await conversation.call(sent, [message("4")], other) == (sent, other)


async def test_an_altered_object_is_noticed() -> None:
    conversation = _Conversation()
    await conversation.call([message("one")], [message("two")])
    (name,) = conversation.objects.stored
    altered = conversation.objects.stored[name].replace(b"two", b"TWO")
    conversation.objects.stored[name] = altered
    request = conversation.memory.request("a", [message("one"), message("two")], {})
    assert request["messages"] == []
    with pytest.raises(TranscriptLostError):
        await conversation.store().load(request)


async def test_an_edited_conversation_is_sent_anew_without_a_detour() -> None:
    conversation = _Conversation()
    await conversation.call([message("one"), message("two")], [message("three")])
    edited = [message("one"), message("TWO"), message("three"), message("four")]
    assert await conversation.call(edited, [message("five")]) == (edited, {})
    assert conversation.losses == 0


async def test_conversations_do_not_build_upon_each_other() -> None:
    conversation = _Conversation()
    await conversation.call([message("one")], [message("two")])
    request = conversation.memory.request("another", [message("one"), message("two")], {})
    assert "base" not in request


async def test_without_a_store_the_worker_itself_remembers_until_it_ends() -> None:
    memory, cache = TranscriptMemory(), ObjectCache()
    sent = [message("long " * 1000)]
    store = TranscriptStore(MemoryObjects(), cache)
    stored = await store.save(await store.load(memory.request("a", sent, {})), [message("answer")])
    assert stored is not None
    memory.remember("a", stored)
    request = memory.request("a", [*sent, message("answer"), message("next")], {})
    assert len(json.dumps(request)) < 500
    assert (await store.load(request)).messages == [*sent, message("answer"), message("next")]
    restarted = TranscriptStore(MemoryObjects(), ObjectCache())
    with pytest.raises(TranscriptLostError):
        await restarted.load(request)


def test_a_conversation_that_is_lost_again_and_again_is_sent_in_full() -> None:
    async def converse() -> None:
        conversation = _Conversation()
        messages: list[Json] = [message("one")]
        for number in range(5):
            conversation.objects.stored.clear()
            await conversation.call(messages, [message(str(number))])
            messages = [*messages, message(str(number))]
        assert "base" not in conversation.memory.request("a", messages, {})

    asyncio.run(converse())


async def test_short_transcripts_are_not_worth_storing() -> None:
    objects = _Objects()
    store = TranscriptStore(objects, ObjectCache())
    loaded = await store.load({"messages": [message("hi")], "options": {}})
    assert await store.save(loaded, [message("hello")]) is None
    assert objects.stored == {}


async def test_cache_stays_within_its_bounds_and_spares_reads() -> None:
    cache = ObjectCache(max_bytes=100)
    cache.put({"place": "a"}, b"x" * 60)
    cache.put({"place": "b"}, b"y" * 60)
    assert cache.get({"place": "a"}) is None
    assert cache.get({"place": "b"}) == b"y" * 60
    cache.put({"place": "b"}, b"z" * 90)
    assert cache.get({"place": "b"}) == b"z" * 90
