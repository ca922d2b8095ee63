"""Listing, and what is purged by age."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry
from perdure.errors import InstanceNotFoundError
from perdure.spi import Capability, InstanceFilter
from perdure.types import Status

if TYPE_CHECKING:
    from tests.embedded.hub import Hub, Node

registry = Registry()


@registry.workflow
async def quick() -> str:
    return "done"


@registry.workflow
async def waiting() -> None:
    await perdure.wait_for_event("go")


async def ids(node: Node, **conditions: object) -> list[str]:
    found: list[str] = []
    token = None
    while True:
        filter = InstanceFilter(**conditions)  # type: ignore[arg-type]
        page = await node.backend.query(filter, page_size=2, token=token)
        assert len(page.items) <= 2
        found += [info.instance_id for info in page.items]
        token = page.next_token
        if token is None:
            return found


async def filled(hub: Hub) -> Node:
    node = await hub.open(registry)
    for n in range(3):
        await node.start("quick", f"quick_{n}", tags={"team": "a" if n else "b", "n": str(n)})
        await node.start("waiting", f"waiting-{n}", tags={"team": "a"})
        await hub.advance(60)
    return node


async def test_a_listing_is_newest_first_page_by_page(hub: Hub) -> None:
    node = await filled(hub)
    assert await ids(node) == [
        "waiting-2", "quick_2", "waiting-1", "quick_1", "waiting-0", "quick_0",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="page_size"):
        await node.backend.query(InstanceFilter(), page_size=0, token=None)
    await hub.close()


async def test_all_conditions_must_hold(hub: Hub) -> None:
    node = await filled(hub)
    begin = hub.clock.now - timedelta(seconds=180)
    assert await ids(node, statuses=(Status.COMPLETED,)) == ["quick_2", "quick_1", "quick_0"]
    assert await ids(node, statuses=(Status.FAILED, Status.RUNNING)) == [
        "waiting-2",
        "waiting-1",
        "waiting-0",
    ]
    assert await ids(node, name="quick", tags={"team": "a"}) == ["quick_2", "quick_1"]
    assert await ids(node, tags={"team": "a", "n": "2"}) == ["quick_2"]
    assert await ids(node, id_prefix="quick_") == ["quick_2", "quick_1", "quick_0"]
    assert await ids(node, id_prefix="quick-") == []
    assert await ids(node, since=begin + timedelta(seconds=120)) == ["waiting-2", "quick_2"]
    assert await ids(node, until=begin) == ["waiting-0", "quick_0"]
    assert await ids(node, finished_before=begin + timedelta(seconds=60)) == ["quick_0"]
    await hub.close()


async def test_old_finished_instances_are_purged_and_others_are_not(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.embedded.housekeeping._PURGED_AT_ONCE", 2)
    await filled(hub)
    await hub.close()
    again = await hub.open(registry, "?retention=90s")
    await again.engine.commits.perform(lambda _: None)
    await hub.settle()
    assert await ids(again) == ["waiting-2", "quick_2", "waiting-1", "waiting-0"]
    with pytest.raises(InstanceNotFoundError):
        await again.backend.history("quick_0")
    await hub.close()


async def test_everything_a_backend_can_offer_is_offered(hub: Hub) -> None:
    node = await hub.open()
    assert node.backend.capabilities == frozenset(Capability)
    assert (await node.backend.health()).is_healthy
    await hub.close()
    await node.backend.close()
