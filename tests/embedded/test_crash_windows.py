"""A crash just before and just after each commit of a run, one by one.

Before: nothing of the step is kept, and nothing of it was acted on. After: all of it is kept, and
none of it was acted on yet.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry, RetryPolicy
from perdure.embedded.store import BusyError
from perdure.spi.history import ActivityCompleted, EventReceived
from perdure.types import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perdure.embedded.transaction import Effects, Transaction
    from tests.embedded.hub import Hub, Node

registry = Registry()
runs: Counter[str] = Counter()
MOST_COMMITS = 30


@registry.activity(retry=RetryPolicy.none())
async def note(name: str) -> str:
    runs[f"{perdure.current_activity().idempotency_key} {name}"] += 1
    return name


@registry.workflow
async def child(name: str) -> str:
    return await note(name)


@registry.workflow
async def story(round: int) -> list[object]:
    words: list[object] = list(await asyncio.gather(note("a"), note("b")))
    words.append(await perdure.wait_for_event("word", int))
    words.append(await child("c"))
    if round == 0:
        perdure.continue_as_new(round=1)
    return words


class Dying:
    """Makes an engine die at its commit of a number; it commits nothing more, and does nothing."""

    def __init__(self, node: Node, *, at: int, is_after: bool) -> None:
        engine = node.engine
        self._transaction = engine.transaction
        self._committed = engine.committed
        self._at = at
        self._is_after = is_after
        self._commits = 0
        self.died = asyncio.Event()
        engine.transaction = self.transaction  # type: ignore[method-assign]
        engine.committed = self.committed  # type: ignore[method-assign]

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        if self.died.is_set():
            raise BusyError
        with self._transaction() as tx:
            yield tx
            self._commits += 1
            if self._commits == self._at:
                self.died.set()
                if not self._is_after:
                    raise BusyError

    def committed(self, effects: Effects) -> None:
        if not self.died.is_set():
            self._committed(effects)


async def ended(node: Node) -> None:
    while not (await node.status()).is_terminal:
        await asyncio.sleep(0.001)


async def told(hub: Hub, *, at: int, is_after: bool) -> bool:
    """Run the story on an engine that dies, and to its end on another; return whether it died."""
    runs.clear()
    client = await hub.open()
    await client.start("story", arguments={"round": 0})
    for number in (1, 2, 3):
        await client.event("word", number)
    first = await hub.open(registry)
    dying = Dying(first, at=at, is_after=is_after)
    death = asyncio.create_task(dying.died.wait())
    end = asyncio.create_task(ended(client))
    async with asyncio.timeout(10):
        await asyncio.wait([death, end], return_when=asyncio.FIRST_COMPLETED)
    first.crash()
    second = await hub.open(registry)
    assert await second.result() == ["a", "b", 2, "c"]
    await asyncio.gather(end, return_exceptions=True)
    death.cancel()
    return dying.died.is_set()


async def check(node: Node) -> None:
    assert len(await node.listed(name="child")) == 2
    assert {info.status for info in await node.listed()} == {Status.COMPLETED}
    journal = await node.history()
    results = [event.id for event in journal if isinstance(event, ActivityCompleted)]
    assert len(results) == len(set(results))
    assert len([event for event in journal if isinstance(event, EventReceived)]) <= 2


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.timeout(120)
async def test_every_window_around_every_commit(
    hub: Hub, is_after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.embedded.housekeeping._TICK_SECONDS", 0.01)
    folder = hub.path.parent
    for at in range(1, MOST_COMMITS):
        hub.path = folder / f"hub-{at}.db"
        died = await told(hub, at=at, is_after=is_after)
        client = hub.nodes[0]
        await check(client)
        repeats = sorted(runs.values())
        # After a commit nothing had begun; before it, what had just ended is not known to have.
        most = 2 if not is_after else 1
        assert set(repeats) <= {1, most}, (at, runs)
        await hub.close()
        hub.nodes.clear()
        if not died:
            assert at > 8
            return
    pytest.fail("the story has more commits than expected")
