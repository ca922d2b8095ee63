"""What goes wrong says what to do, and no instance is lost by it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure.payloads.store import FileStore
from tests.payloads_pipeline.world import (
    KEYS,
    SECONDS,
    first_event,
    same,
    twice,
    until_stalled,
    wait_after,
)

if TYPE_CHECKING:
    from tests.payloads_pipeline.world import World

LARGE = 300_000
pytestmark = pytest.mark.usefixtures("hasty")


async def test_a_store_that_is_not_there_is_said_to_whoever_starts(world: World) -> None:
    world.store.write_text("no folder")
    async with world.app().run() as client:
        with pytest.raises(perdure.PayloadStoreError, match="check PERDURE_PAYLOADS"):
            await client.start(twice, "x" * LARGE, instance_id="a")
        with pytest.raises(perdure.InstanceNotFoundError):
            await client.get(twice, "a").info()


async def test_a_store_that_fails_now_and_then_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: dict[str, int] = {}
    for name in ("put", "get"):
        original = getattr(FileStore, name)

        def flaky(*args: Any, name: str = name, original: Any = original) -> Any:
            calls[name] = calls.get(name, 0) + 1
            if calls[name] % 2:
                raise OSError("the network is down")
            return original(*args)

        monkeypatch.setattr(FileStore, name, flaky)
    async with world.app().run() as client:
        handle = await client.start(twice, "x" * LARGE, instance_id="a")
        assert await handle.result(timeout=SECONDS) == "x" * 2 * LARGE


async def test_an_instance_whose_store_is_gone_stalls_and_goes_on_later(world: World) -> None:
    async with world.app().run() as client:
        handle = await client.start(first_event, 1, instance_id="a")
        await handle.raise_event("go", "small")
        assert await handle.result(timeout=SECONDS) == ["small"]
        waiting = await client.start(first_event, 1, instance_id="b")
    async with world.app().client() as client:
        await client.get(None, "b").raise_event("go", "e" * LARGE)
    hidden = world.store.rename(world.folder / "hidden")
    async with world.app().run() as client:
        info = await until_stalled(client.get(first_event, "b"))
        assert "cannot be reached" in (info.reason or "")
    hidden.rename(world.store)
    async with world.app().run() as client:
        again = client.get(first_event, waiting.instance_id)
        assert await again.result(timeout=SECONDS) == ["e" * LARGE]


async def test_a_step_whose_commands_cannot_be_stored_is_taken_again_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("disk full")

    app = world.app()
    with monkeypatch.context() as broken:
        broken.setattr(FileStore, "put", refuse)
        async with app.run() as client:
            await client.start(twice, "x" * 100_000, instance_id="a")
            info = await until_stalled(client.get(twice, "a"))
            assert "disk full" in (info.reason or "")
    async with app.run() as client:
        assert await client.get(twice, "a").result(timeout=SECONDS) == "x" * 200_000


async def test_an_altered_object_is_noticed(world: World) -> None:
    async with world.app().run() as client:
        handle = await client.start(twice, "x" * LARGE, instance_id="a")
        await handle.result(timeout=SECONDS)
        for path in world.objects():
            path.write_bytes(path.read_bytes().replace(b"xx", b"xy", 1))
        with pytest.raises(perdure.PayloadError, match=r"is not what was written.*backup"):
            await handle.result(timeout=SECONDS)
        for path in world.objects():
            path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(perdure.PayloadError, match="cut or altered"):
            await handle.result(timeout=SECONDS)


async def test_an_altered_object_stalls_the_instance_that_needs_it(world: World) -> None:
    async with world.app().run() as client:
        await client.start(wait_after, LARGE, instance_id="a")
        while not world.objects():
            await asyncio.sleep(0.01)
    (path,) = world.objects()
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    async with world.app().run() as client:
        await client.get(wait_after, "a").raise_event("go", 1)
        info = await until_stalled(client.get(wait_after, "a"))
        assert "is not what was written" in (info.reason or "")
    path.write_bytes(whole)
    async with world.app().run() as client:
        assert await client.get(wait_after, "a").result(timeout=SECONDS) == LARGE


async def test_a_purged_object_says_so(world: World) -> None:
    async with world.app().run() as client:
        handle = await client.start(twice, "x" * LARGE, instance_id="a")
        await handle.result(timeout=SECONDS)
        for path in world.objects():
            path.unlink()
        with pytest.raises(perdure.PayloadError, match="purged with the instance"):
            await handle.result(timeout=SECONDS)


async def test_a_reader_without_the_store_is_told_to_name_it(world: World) -> None:
    async with world.app().run() as client:
        await (await client.start(twice, "x" * LARGE, instance_id="a")).result(timeout=SECONDS)
    async with world.app(store=None).client() as client:
        with pytest.raises(perdure.PayloadError, match="set PERDURE_PAYLOADS"):
            await client.get(twice, "a").result(timeout=SECONDS)


async def test_a_wrong_key_says_which_and_the_right_one_goes_on(world: World) -> None:
    async with world.app(keys=KEYS[:1]).run() as client:
        await client.start(wait_after, 100, instance_id="a")
        await client.start(same, "secret text", instance_id="done")
        await client.get(same, "done").result(timeout=SECONDS)
    async with world.app(keys=KEYS[1:]).run() as client:
        with pytest.raises(perdure.PayloadError, match=r"under key 'new'.*PERDURE_PAYLOAD_KEYS"):
            await client.get(same, "done").result(timeout=SECONDS)
        await client.get(wait_after, "a").raise_event("go", 1)
        info = await until_stalled(client.get(wait_after, "a"))
        assert "under key 'new'" in (info.reason or "")
    async with world.app().client() as client:
        with pytest.raises(perdure.PayloadError, match="no key is given here"):
            await client.get(same, "done").result(timeout=SECONDS)
    # The event is under the old key, everything before it under the new one.
    async with world.app(keys=KEYS[::-1]).run() as client:
        assert await client.get(wait_after, "a").result(timeout=SECONDS) == 100
