"""Large payloads lie in the store, under their root instance, and go with it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import perdure
from tests.payloads_pipeline.world import (
    SECONDS,
    abandoning,
    first_event,
    many,
    parent,
    rounds,
    twice,
    wait_after,
)

if TYPE_CHECKING:
    from tests.payloads_pipeline.world import World

LARGE = 300_000


async def test_what_is_small_stays_inline(world: World) -> None:
    async with world.app().run() as client:
        handle = await client.start(twice, "small", instance_id="a")
        assert await handle.result(timeout=SECONDS) == "smallsmall"
    assert world.objects() == []


async def test_large_arguments_and_results_go_through_the_store(world: World) -> None:
    async with world.app().run() as client:
        handle = await client.start(twice, "x" * LARGE, instance_id="a")
        assert await handle.result(timeout=SECONDS) == "x" * 2 * LARGE
    assert world.owners() == {"a"}
    # The arguments of workflow and activity are one object, as are both results.
    assert len(world.objects()) == 2
    assert len(world.raw()) < 20_000


async def test_events_large_and_small_keep_their_order(world: World) -> None:
    sent = [size * "e" for size in (LARGE, 1, LARGE + 1, 2, 3, LARGE + 2)]
    async with world.app().run() as client:
        handle = await client.start(first_event, len(sent), instance_id="a")
        for text in sent:
            await handle.raise_event("go", text)
        assert await handle.result(timeout=SECONDS) == sent


async def test_a_child_belongs_to_its_root(world: World) -> None:
    async with world.app().run() as client:
        handle = await client.start(parent, LARGE, instance_id="root")
        assert await handle.result(timeout=SECONDS) == "p" * 2 * LARGE
        children = [info async for info in client.list() if info.instance_id != "root"]
    assert [dict(info.headers) for info in children] == [{}]
    assert world.owners() == {"root"}


async def test_an_abandoned_child_is_a_root_and_shares_nothing(world: World) -> None:
    async with world.app().run() as client:
        handle = await client.start(abandoning, LARGE, instance_id="root")
        assert await handle.result(timeout=SECONDS) == "a" * 2 * LARGE
        assert world.owners() == {"root", "abandoned"}
        await client.purge("abandoned")
        assert world.owners() == {"root"}
        assert await handle.result(timeout=SECONDS) == "a" * 2 * LARGE


async def test_purging_the_root_removes_its_objects_and_no_others(world: World) -> None:
    async with world.app().run() as client:
        handles = [await client.start(twice, "x" * LARGE, instance_id=it) for it in ("a", "A")]
        for handle in handles:
            await handle.result(timeout=SECONDS)
        assert len(world.owners()) == 2
        await handles[0].purge()
        assert len(world.objects()) == 2
        assert await handles[1].result(timeout=SECONDS) == "x" * 2 * LARGE


async def test_an_instance_is_rebuilt_from_the_store_after_a_restart(world: World) -> None:
    async with world.app().run() as client:
        handle = await client.start(wait_after, LARGE, instance_id="a")
        while not world.objects():
            await asyncio.sleep(0.01)
    async with world.app().run() as client:
        again = client.get(wait_after, "a")
        await again.raise_event("go", "z" * LARGE)
        assert await again.result(timeout=SECONDS) == LARGE
    assert handle.instance_id == "a"


async def test_the_next_run_has_large_arguments_too(world: World) -> None:
    async with world.app().run() as client:
        handle = await client.start(rounds, 3, "x" * LARGE, instance_id="a")
        assert await handle.result(timeout=SECONDS) == "x" * LARGE + "rrr"


async def test_history_shows_plain_payloads(world: World) -> None:
    async with world.app().run() as client:
        handle = await client.start(twice, "x" * LARGE, instance_id="a")
        await handle.result(timeout=SECONDS)
        texts = [getattr(event, "result", "") for event in await handle.history()]
    assert f'"{"x" * 2 * LARGE}"' in texts


async def test_the_threshold_is_lowered_after_a_mebibyte_inline(world: World) -> None:
    async with world.app().run() as client:
        handle = await client.start(many, 12, 100_000, instance_id="a")
        assert await handle.result(timeout=SECONDS) == 1_200_000
    # Ten of them and what else there is make a mebibyte; the last ones are one object.
    assert len(world.objects()) == 1
    assert 1_000_000 < len(world.raw()) < 1_200_000


async def test_without_a_store_everything_is_inline_as_it_was(world: World) -> None:
    async with world.app(store=None).run() as client:
        handle = await client.start(twice, "x" * LARGE, instance_id="a")
        assert await handle.result(timeout=SECONDS) == "x" * 2 * LARGE
    assert not world.store.exists()
    assert "$perdure" not in world.raw()


async def test_over_64_mebibytes_is_refused_at_once(world: World) -> None:
    async with world.app().run() as client:
        with pytest.raises(perdure.PayloadTooLargeError):
            await client.start(twice, "x" * (64 * 1024 * 1024), instance_id="a")
    assert world.objects() == []
