"""Instances whose code does not fit here: laid aside, and taken up again when it does."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import perdure
from perdure import Registry
from perdure.embedded.watchdog import Watchdog
from perdure.types import Status

if TYPE_CHECKING:
    import pytest

    from tests.embedded.hub import Hub


def code(*, is_right: bool = True, has_activity: bool = True) -> Registry:
    registry = Registry()

    @registry.activity
    async def first(word: str) -> str:
        return word + "!"

    @registry.activity
    async def second(word: str) -> str:
        return word + "?"

    if has_activity:

        @registry.activity(delivery="at_most_once")
        async def third(word: str) -> str:
            return word + "."

    @registry.workflow
    async def talk() -> str:
        word = await (first if is_right else second)("a")
        await perdure.wait_for_event("go")
        return await second(word)

    @registry.workflow
    async def needs_third() -> list[str]:
        return list(await asyncio.gather(first("a"), third_of("b")))

    full = Registry()
    third_of = full.activity(name="third", delivery="at_most_once")(_third)
    return registry


async def _third(word: str) -> str:
    return word + "."


async def test_code_that_changed_stalls_the_instance_until_it_is_put_right(hub: Hub) -> None:
    node = await hub.open(code())
    await node.start("talk")
    await hub.settle()
    node.crash()
    wrong = await hub.open(code(is_right=False))
    info = await wrong.finished()
    assert info.status is Status.STALLED
    assert info.reason is not None
    assert "first" in info.reason
    assert "second" in info.reason
    await wrong.event("go")
    await hub.settle()
    assert await wrong.status() is Status.STALLED
    right = await hub.open(code())
    assert await right.result() == "a!?"
    await hub.close()


async def test_a_missing_activity_stalls_the_instance_and_keeps_what_others_gave(hub: Hub) -> None:
    poor = await hub.open(code(has_activity=False))
    await poor.start("needs_third")
    info = await poor.finished()
    assert info.status is Status.STALLED
    assert info.reason is not None
    assert "third" in info.reason
    await hub.settle()
    rich = await hub.open(code())
    assert await rich.result() == ["a!", "b."]
    await hub.close()


async def test_a_stalled_instance_can_be_terminated(hub: Hub) -> None:
    node = await hub.open(code(has_activity=False))
    await node.start("needs_third")
    await node.finished()
    await node.backend.terminate("i", reason="enough")
    assert await node.status() is Status.TERMINATED
    await hub.close()


async def test_changed_code_that_never_yields_stalls_its_instance_only(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.embedded.engine.Watchdog", partial(Watchdog, limit_seconds=0.1))
    node = await hub.open(code())
    await node.start("talk")
    await hub.settle()
    node.crash()
    busy = Registry()

    @busy.workflow
    async def talk() -> None:
        while True:
            pass

    spinning = await hub.open(busy)
    assert (await spinning.finished()).status is Status.STALLED
    right = await hub.open(code())
    await right.event("go")
    assert await right.result() == "a!?"
    await hub.close()
