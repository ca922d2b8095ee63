"""What subscribers see of a stream, through each hub."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import threading
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
from agent_framework import ChatResponseUpdate, Content
from hypothesis import given
from hypothesis import strategies as st

import perdure
from perdure import ConfigurationError
from perdure.testing import ManualClock
from perdure_agent_framework.catalogue import Catalogue
from perdure_agent_framework.streaming.answers import (
    AnswerPublisher,
    StreamChunk,
    finish,
    subscribe,
)
from perdure_agent_framework.streaming.files import FileStreamHub
from perdure_agent_framework.streaming.hubs import VARIABLE, hub_of, set_hub
from perdure_agent_framework.streaming.memory import MemoryStreamHub
from perdure_agent_framework.streaming.views import StreamView

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from perdure_agent_framework.streaming.answers import StreamHub


def text(value: str) -> ChatResponseUpdate:
    return ChatResponseUpdate(contents=[Content.from_text(value)], role="assistant")


def call(call_id: str) -> ChatResponseUpdate:
    content = Content.from_function_call(call_id, "look_up", arguments={"q": 1})
    return ChatResponseUpdate(contents=[content], role="assistant")


class Recorded:
    """A hub that is only a list."""

    def __init__(self) -> None:
        self.list: list[Any] = []

    async def append(self, stream_id: str, piece: dict[str, Any]) -> None:
        self.list.append(piece)

    def speaker(self, *, number: int = 1, attempt: int = 1) -> AnswerPublisher:
        return AnswerPublisher(
            self,  # type: ignore[arg-type]  # publishers only append
            "s",
            call=number,
            attempt=attempt,
            agent="a",
        )

    def seen(self) -> list[str]:
        """Return what a subscriber sees: texts, names of calls, and marks."""
        view = StreamView("s")
        chunks = [chunk for piece in self.list for chunk in view.take(piece)]
        assert [chunk.sequence for chunk in chunks] == list(range(len(chunks)))
        return [_shown(chunk) for chunk in chunks]


def _shown(chunk: StreamChunk) -> str:
    if chunk.update is None:
        return f"<{chunk.kind}>"
    return "".join(content.text or f"[{content.call_id}]" for content in chunk.update.contents)


async def speak(
    speaker: AnswerPublisher, *updates: ChatResponseUpdate, to_its_end: bool = True
) -> None:
    for update in updates:
        await speaker.update(update)
    if to_its_end:
        await speaker.answered()


async def test_a_retry_that_repeats_is_seen_once() -> None:
    stream = Recorded()
    await speak(stream.speaker(), text("Hel"), text("lo wor"), to_its_end=False)
    await speak(stream.speaker(attempt=2), text("Hello"), text(" world"), text("!"))
    assert stream.seen() == ["Hel", "lo wor", "ld", "!"]


async def test_a_retry_that_says_something_else_restarts() -> None:
    stream = Recorded()
    await speak(stream.speaker(), text("Hello"), text(" you"), to_its_end=False)
    await speak(stream.speaker(attempt=2), text("Hello"), text(" there"), text("!"))
    assert stream.seen() == ["Hello", " you", "<restart>", "Hello", " there", "!"]


async def test_a_retry_that_says_less_restarts_at_its_end() -> None:
    stream = Recorded()
    await speak(stream.speaker(), text("Hello"), text(" you"), to_its_end=False)
    await speak(stream.speaker(attempt=2), text("Hello"))
    assert stream.seen() == ["Hello", " you", "<restart>", "Hello"]


async def test_tool_calls_with_other_ids_restart() -> None:
    stream = Recorded()
    await speak(stream.speaker(), text("let me see"), call("c-1"), to_its_end=False)
    await speak(stream.speaker(attempt=2), text("let me see"), call("c-2"))
    assert stream.seen() == ["let me see", "[c-1]", "<restart>", "let me see", "[c-2]"]


async def test_a_worker_that_lives_on_is_not_heard_once_another_has_begun() -> None:
    stream = Recorded()
    slow, quick = stream.speaker(), stream.speaker()
    await speak(slow, text("one"), to_its_end=False)
    await speak(quick, text("one"), text(" two"), to_its_end=False)
    await speak(slow, text(" six"))
    await speak(quick, text(" three"))
    assert stream.seen() == ["one", " two", " three"]


async def test_calls_side_by_side_do_not_mix() -> None:
    stream = Recorded()
    first, second = stream.speaker(number=1), stream.speaker(number=2)
    await speak(first, text("a"), to_its_end=False)
    await speak(second, text("x"), to_its_end=False)
    await speak(stream.speaker(number=1, attempt=2), text("a"), text("b"))
    await speak(second, text("y"))
    assert stream.seen() == ["a", "x", "b", "y"]


async def test_usage_is_seen_once_though_it_differs() -> None:
    def usage(tokens: int) -> ChatResponseUpdate:
        return ChatResponseUpdate(contents=[Content.from_usage({"input_token_count": tokens})])

    stream = Recorded()
    await speak(stream.speaker(), text("a"), usage(5), to_its_end=False)
    await speak(stream.speaker(), text("a"), usage(6))
    assert stream.seen() == ["a", "[None]"]


_PIECES = st.lists(st.text("ab", min_size=0, max_size=3), max_size=6)


@given(attempts=st.lists(_PIECES, min_size=1, max_size=4))
def test_what_was_seen_since_the_last_restart_is_what_the_last_attempt_said(
    attempts: list[Sequence[str]],
) -> None:
    async def tell() -> Recorded:
        stream = Recorded()
        for number, pieces in enumerate(attempts, start=1):
            updates = [text(piece) for piece in pieces]
            is_last = number == len(attempts)
            await speak(stream.speaker(attempt=number), *updates, to_its_end=is_last)
        return stream

    seen = asyncio.run(tell()).seen()
    marks = [place for place, what in enumerate(seen) if what == "<restart>"]
    since = seen[marks[-1] + 1 :] if marks else seen
    assert "".join(since).replace("[None]", "") == "".join(attempts[-1])


@pytest.fixture(params=["memory", "file"])
def hub(request: pytest.FixtureRequest, tmp_path: Path) -> StreamHub:
    return MemoryStreamHub() if request.param == "memory" else FileStreamHub(tmp_path / "streams")


def publisher(hub: StreamHub, stream_id: str = "s") -> AnswerPublisher:
    return AnswerPublisher(hub, stream_id, call=1, attempt=1, agent="a")


async def seen(hub: StreamHub, stream_id: str = "s", *, after: int = -1) -> list[str]:
    return [_shown(chunk) async for chunk in subscribe(hub, stream_id, after=after)]


async def test_subscribers_get_pieces_as_they_come(hub: StreamHub) -> None:
    speaker = publisher(hub)
    async with aclosing(subscribe(hub, "s")) as chunks:
        for said in ("one", "two"):
            await speaker.update(text(said))
            chunk = await anext(chunks)
            assert chunk.update is not None
            assert (chunk.update.text, chunk.agent, chunk.call) == (said, "a", 1)
        await finish(hub, "s")
        with pytest.raises(StopAsyncIteration):
            await anext(chunks)


async def test_late_subscribers_get_everything_and_returning_ones_the_rest(hub: StreamHub) -> None:
    await speak(publisher(hub), text("one"), text("two"), text("three"))
    await finish(hub, "s")
    assert await seen(hub) == ["one", "two", "three"]
    assert await seen(hub, after=0) == ["two", "three"]


async def test_subscribers_may_wait_for_a_stream_that_has_not_begun(hub: StreamHub) -> None:
    waiting = [asyncio.create_task(seen(hub)) for _ in range(3)]
    await asyncio.sleep(0)
    await speak(publisher(hub), text("one"))
    await finish(hub, "s")
    assert await asyncio.gather(*waiting) == [["one"]] * 3


async def test_streams_do_not_mix(hub: StreamHub) -> None:
    strange = "../with/slashes and ünicode"
    await speak(publisher(hub, strange), text("strange"))
    await speak(publisher(hub, "plain"), text("plain"))
    await finish(hub, strange)
    await finish(hub, "plain")
    assert (await seen(hub, strange), await seen(hub, "plain")) == (["strange"], ["plain"])


async def test_publishers_and_subscribers_may_be_on_other_threads(hub: StreamHub) -> None:
    heard = threading.Semaphore(0)

    async def listen() -> list[str]:
        said = []
        # A thread that waits for ever would keep the test's process from ending.
        async with asyncio.timeout(10):
            async for chunk in subscribe(hub, "s"):
                said.append(_shown(chunk))
                heard.release()
        return said

    listening = asyncio.create_task(asyncio.to_thread(asyncio.run, listen()))
    speaker = publisher(hub)
    words = [str(number) for number in range(20)]
    for word in words:
        # Most of the time the subscriber waits already when the next piece comes.
        await speaker.update(text(word))
        assert await asyncio.to_thread(heard.acquire, timeout=5)
    await finish(hub, "s")
    assert await listening == words


@pytest.mark.parametrize("kind", ["memory", "file"])
async def test_a_stream_that_is_too_long_is_cut_and_says_so(kind: str, tmp_path: Path) -> None:
    hub: StreamHub = (
        MemoryStreamHub(max_bytes=2_000)
        if kind == "memory"
        else FileStreamHub(tmp_path, max_bytes=2_000)
    )
    speaker = publisher(hub)
    for _ in range(100):
        await speaker.update(text("x" * 100))
    await finish(hub, "s")
    chunks = await seen(hub)
    assert chunks[-1] == "<cut>"
    assert 1 < len(chunks) < 20
    assert chunks.count("<cut>") == 1


async def test_a_hub_that_is_down_does_not_stop_the_model(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Down(MemoryStreamHub):
        async def append(self, stream_id: str, piece: dict[str, Any]) -> None:
            raise OSError("the disk with 'secret words' is full")

    await speak(publisher(Down()), text("one"), text("two"))
    assert "OSError" in caplog.text
    assert len(caplog.records) == 1
    assert "secret words" not in caplog.text


async def test_old_files_go_when_other_streams_finish(tmp_path: Path) -> None:
    clock = ManualClock()
    hub = FileStreamHub(tmp_path, keep_seconds=60, abandon_seconds=600, clock=clock)

    async def stream(name: str, *, age: float, is_finished: bool) -> Path:
        await publisher(hub, name).update(text("one"))
        if is_finished:
            await hub.finish(name)
        path = tmp_path / f"{name}.stream"
        os.utime(path, times=(clock.now.timestamp() - age,) * 2)
        return path

    kept = [
        await stream("unfinished", age=500, is_finished=False),
        await stream("fresh", age=50, is_finished=True),
    ]
    gone = [
        await stream("finished", age=70, is_finished=True),
        await stream("abandoned", age=700, is_finished=False),
    ]
    await hub.finish("another")
    assert [path.exists() for path in (*kept, *gone)] == [True, True, False, False]


async def test_a_subscriber_of_a_file_that_is_swept_comes_to_its_end(tmp_path: Path) -> None:
    hub = FileStreamHub(tmp_path)
    await publisher(hub).update(text("one"))
    async with aclosing(subscribe(hub, "s")) as chunks:
        await anext(chunks)
        (tmp_path / "s.stream").unlink()
        with pytest.raises(StopAsyncIteration):
            await anext(chunks)


async def test_files_are_for_this_user_alone(tmp_path: Path) -> None:
    hub = FileStreamHub(tmp_path / "streams")
    await publisher(hub).update(text("one"))
    paths = [tmp_path / "streams", *(tmp_path / "streams").iterdir()]
    assert [path.stat().st_mode & 0o777 for path in paths] == [0o700, 0o600]


async def test_memory_keeps_few_finished_streams() -> None:
    hub = MemoryStreamHub(keep_finished=1, max_streams=3)
    for name in ("first", "second"):
        await speak(publisher(hub, name), text(name))
        await hub.finish(name)
    assert await seen(hub, "second") == ["second"]
    assert set(hub._streams) == {"second"}
    for number in range(5):
        await publisher(hub, f"more-{number}").update(text("x"))
    assert len(hub._streams) == 3


async def test_another_process_hears_what_is_published_in_files(tmp_path: Path) -> None:
    program = """
        import asyncio, sys
        from agent_framework import ChatResponseUpdate, Content
        from perdure_agent_framework.streaming.files import FileStreamHub
        from perdure_agent_framework.streaming.answers import AnswerPublisher

        async def main():
            hub = FileStreamHub(sys.argv[1])
            speaker = AnswerPublisher(hub, "s", call=1, attempt=1, agent="a")
            for number in range(50):
                content = Content.from_text(f"{number},")
                await speaker.update(ChatResponseUpdate(contents=[content]))
            await hub.finish("s")

        asyncio.run(main())
    """
    heard = asyncio.create_task(seen(FileStreamHub(tmp_path)))
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)]
    await asyncio.to_thread(subprocess.run, command, check=True, timeout=20)
    assert await heard == [f"{number}," for number in range(50)]


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue(perdure.App("streams"))


def test_hub_by_variable(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert isinstance(hub_of(catalogue), MemoryStreamHub)
    assert hub_of(catalogue) is hub_of(catalogue)
    monkeypatch.setenv(VARIABLE, "file")
    assert isinstance(hub_of(catalogue), FileStreamHub)
    monkeypatch.setenv(VARIABLE, (tmp_path / "a b").as_uri())
    assert isinstance(hub_of(catalogue), FileStreamHub)
    monkeypatch.setenv(VARIABLE, "redis://somewhere")
    with pytest.raises(ConfigurationError, match=r"redis://somewhere.*file:///folder"):
        hub_of(catalogue)


def test_hub_that_was_set_goes_before_the_variable(catalogue: Catalogue) -> None:
    hub = MemoryStreamHub()
    set_hub(catalogue, hub)
    assert hub_of(catalogue) is hub
