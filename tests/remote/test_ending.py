"""Ends by force of whole trees, on a server in the test's hands."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from perdure.spi.bridge import StartEnvelope, VendorEvent, VendorKind, encode_start, to_text
from perdure.spi.remote import Terminator, VendorState
from perdure.types import Status


class Tree:
    """A server with a root whose descendants all run, each asked after by a call that yields."""

    def __init__(self, *, width: int, depth: int) -> None:
        self.width, self.depth = width, depth
        self.ended: set[str] = set()

    async def state(self, instance_id: str) -> VendorState:
        await asyncio.sleep(0)
        status = Status.TERMINATED if instance_id in self.ended else Status.RUNNING
        return VendorState(instance_id=instance_id, name="trip", status=status)

    async def terminate(self, instance_id: str, *, text: str) -> None:
        await asyncio.sleep(0)
        assert json.loads(text)
        self.ended.add(instance_id)

    async def events(self, instance_id: str) -> list[VendorEvent]:
        await asyncio.sleep(0)
        level = instance_id.count("-")
        if level >= self.depth:
            return []
        start = to_text(encode_start(StartEnvelope(run_id="r", seed="r", arguments="{}")))
        width = self.width if level == 0 else 1
        return [
            VendorEvent(
                kind=VendorKind.CHILD_CREATED,
                at_us=0,
                id=number,
                instance_id=f"{instance_id}-{number}",
                payload=start,
            )
            for number in range(width)
        ]


@pytest.mark.parametrize(("width", "depth"), [(40, 2), (1, 40)], ids=["wide", "deep"])
async def test_a_tree_of_any_shape_is_ended_as_a_whole(width: int, depth: int) -> None:
    tree = Tree(width=width, depth=depth)
    server: Any = tree
    async with asyncio.timeout(10):
        await Terminator(server, errands=server).terminate("root", reason="enough")
    assert len(tree.ended) == 1 + width * depth


async def test_children_that_have_ended_or_go_on_alone_are_left_alone() -> None:
    class Grown(Tree):
        async def events(self, instance_id: str) -> list[VendorEvent]:
            if instance_id != "root":
                return []
            first, second = await super().events(instance_id)
            over = VendorEvent(kind=VendorKind.CHILD_COMPLETED, at_us=0, id=first.id)
            return [first, second, over]

    tree = Grown(width=2, depth=1)
    server: Any = tree
    await Terminator(server, errands=server).terminate("root", reason="enough")
    assert tree.ended == {"root", "root-1"}
