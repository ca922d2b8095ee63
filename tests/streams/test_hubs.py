"""Stream hubs: pieces come in order, from the first one on, to however many listen."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from perdure import ConfigurationError
from perdure.streams import FileStreamHub, MemoryStreamHub, hub_named

if TYPE_CHECKING:
    from pathlib import Path

    from perdure.streams import Json, StreamHub


@pytest.fixture(params=["memory", "file"])
def hub(request: pytest.FixtureRequest, tmp_path: Path) -> StreamHub:
    return MemoryStreamHub() if request.param == "memory" else FileStreamHub(tmp_path / "streams")


async def heard(hub: StreamHub, stream_id: str) -> list[Json]:
    async with aclosing(hub.pieces(stream_id)) as pieces:
        return [piece async for piece in pieces]


async def test_who_comes_early_and_who_comes_late_hear_the_same(hub: StreamHub) -> None:
    early = asyncio.create_task(heard(hub, "a"))
    for number in range(3):
        await hub.append("a", {"number": number})
    await hub.finish("a")
    assert await early == await heard(hub, "a") == [{"number": number} for number in range(3)]


async def test_a_piece_is_heard_before_the_stream_is_finished(hub: StreamHub) -> None:
    async with aclosing(hub.pieces("a")) as pieces:
        await hub.append("a", {"text": "live"})
        assert await anext(pieces) == {"text": "live"}


async def test_streams_do_not_mix_whatever_they_are_called(hub: StreamHub) -> None:
    names = ["a", "b", "../a", "a/b", "ä" * 300]
    for name in names:
        await hub.append(name, {"of": name})
        await hub.finish(name)
    assert [await heard(hub, name) for name in names] == [[{"of": name}] for name in names]


@pytest.mark.parametrize("kind", ["memory", "file"])
async def test_a_stream_that_is_too_long_says_that_it_was_cut(kind: str, tmp_path: Path) -> None:
    is_memory = kind == "memory"
    hub = MemoryStreamHub(max_bytes=100) if is_memory else FileStreamHub(tmp_path, max_bytes=100)
    for _ in range(10):
        await hub.append("a", {"text": "x" * 30})
    await hub.finish("a")
    pieces = await heard(hub, "a")
    assert pieces[-1] == {"kind": "cut"}
    assert len(pieces) < 10


async def test_two_hubs_of_one_folder_are_one(tmp_path: Path) -> None:
    await FileStreamHub(tmp_path).append("a", {"text": "from elsewhere"})
    await FileStreamHub(tmp_path).finish("a")
    assert await heard(FileStreamHub(tmp_path), "a") == [{"text": "from elsewhere"}]


def test_a_setting_says_which_hub(tmp_path: Path) -> None:
    def named(setting: str) -> StreamHub:
        return hub_named(setting, variable="SOME_STREAMS", folder="some-streams")

    assert isinstance(named("memory"), MemoryStreamHub)
    assert isinstance(named(f"file://{tmp_path}"), FileStreamHub)
    assert named(f"file://{tmp_path}") is named(f"file://{tmp_path}")
    with pytest.raises(ConfigurationError, match=r"SOME_STREAMS.*say memory, file, or file:///"):
        named("redis")
