"""Engines that come, go, crash, are fenced and get in each other's way, by seed.

Afterwards every instance has its right result, and nothing was run again after its result had been
committed.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry, RetryPolicy
from perdure.errors import PerdureError
from perdure.spi.history import ActivityCompleted
from perdure.spi.journal import decode_journal
from perdure.types import Status
from tests.soak import either

if TYPE_CHECKING:
    from tests.embedded.hub import Hub, Node

INSTANCES = 6
ACTIONS = 60
registry = Registry()
repeated: list[str] = []
payments: Counter[str] = Counter()
file: sqlite3.Connection


def committed(key: str) -> bool:
    """Return whether the journal holds the result of the activity of that key."""
    instance_id, run_id, command = key.split(":")
    rows = file.execute(
        "SELECT entries FROM journal JOIN instances ON pk = instance_pk "
        "WHERE instance_id = ? AND run_id = ? AND journal.run_number = instances.run_number",
        (instance_id, run_id),
    )
    events = [event for (text,) in rows.fetchall() for event in decode_journal(text)]
    return any(isinstance(e, ActivityCompleted) and e.id == int(command) for e in events)


@registry.activity(retry=RetryPolicy.none())
async def note(number: int) -> int:
    key = perdure.current_activity().idempotency_key
    if committed(key):
        repeated.append(key)
    await asyncio.sleep(0.001 * (number % 3))
    return number


@registry.activity(retry=RetryPolicy.none(), delivery="at_most_once")
async def pay() -> str:
    payments[perdure.current_activity().idempotency_key] += 1
    await asyncio.sleep(0.002)
    return "paid"


@registry.workflow
async def shop() -> int:
    for _ in range(10):
        with contextlib.suppress(perdure.ActivityOutcomeUnknownError):
            await pay()
        await asyncio.sleep(1)
    return 10


@registry.workflow
async def child(number: int) -> int:
    await asyncio.sleep(number)
    return await note(number)


@registry.workflow
async def mixed(round: int, total: int) -> int:
    total += sum(await asyncio.gather(*(note(n) for n in range(4))))
    await asyncio.sleep(5)
    total += await perdure.wait_for_event("go", int)
    total += await child(2)
    if round < 1:
        perdure.continue_as_new(round=round + 1, total=total)
    return total


EXPECTED = 2 * (0 + 1 + 2 + 3 + 2) + 10 + 100


class Chaos:
    def __init__(self, hub: Hub, seed: int) -> None:
        self.hub = hub
        self.chance = random.Random(seed)

    @property
    def alive(self) -> list[Node]:
        return [node for node in self.hub.nodes if node.backend._engine is not None]

    async def act(self, client: Node) -> None:
        rare = [self.come, self.crash, self.leave, self.fence, self.block, self.hold, self.release]
        often = [self.move, self.move, self.nothing, self.nothing]
        action = self.chance.choice([*rare, *often])
        with contextlib.suppress(PerdureError):
            await action(client)

    async def come(self, _: Node) -> None:
        if len(self.alive) < 4:
            cached = self.chance.choice(["", "?max_cached=2"])
            await self.hub.open(registry, cached)

    async def crash(self, client: Node) -> None:
        if workers := [node for node in self.alive if node is not client]:
            self.chance.choice(workers).crash()

    async def leave(self, client: Node) -> None:
        if workers := [node for node in self.alive if node is not client]:
            node = self.chance.choice(workers)
            assert node.worker is not None
            await node.worker.drain(timeout=timedelta(seconds=self.chance.choice([0, 0.002])))
            await node.backend.close()

    async def fence(self, client: Node) -> None:
        if workers := [node for node in self.alive if node is not client]:
            victim = self.chance.choice(workers).engine.members.id
            with client.engine.transaction() as tx:
                tx.execute("DELETE FROM workers WHERE id = ?", (victim,))
                client.engine.members.bury(tx, ())

    async def block(self, _: Node) -> None:
        with contextlib.suppress(sqlite3.OperationalError):
            file.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(0.003)
            file.execute("ROLLBACK")

    async def hold(self, client: Node) -> None:
        await client.backend.suspend(self.any_id(), reason="")

    async def release(self, client: Node) -> None:
        await client.backend.resume(self.any_id(), reason="")

    async def move(self, _: Node) -> None:
        self.hub.clock.move_to(self.hub.clock.now_us() + 1_500_000)

    async def nothing(self, _: Node) -> None:
        await asyncio.sleep(0.002)

    def any_id(self) -> str:
        return f"{self.chance.choice(['i', 'shop'])}{self.chance.randrange(INSTANCES)}"

    async def finish(self, client: Node, id: str) -> None:
        for _ in range(200):
            with contextlib.suppress(PerdureError):
                await client.backend.resume(id, reason="")
            if (await client.status(id)).is_terminal:
                return
            await self.hub.advance(1)
        pytest.fail(f"{id} does not end: {await client.backend.get(id)} {await client.kinds(id)}")


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(either(6, soak=500)))
async def test_nothing_is_lost_or_repeated(
    hub: Hub, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.embedded.housekeeping._TICK_SECONDS", 0.01)
    global file
    repeated.clear()
    payments.clear()
    chaos = Chaos(hub, seed)
    client = await hub.open()
    file = sqlite3.connect(hub.path, isolation_level=None, timeout=0)
    for n in range(INSTANCES):
        await client.start("mixed", f"i{n}", arguments={"round": 0, "total": 0})
    for n in range(INSTANCES):
        await client.start("shop", f"shop{n}")
    for action in range(ACTIONS):
        if action in {10, 30}:
            for n in range(INSTANCES):
                await client.event("go", 10 if action == 10 else 100, instance_id=f"i{n}")
        await chaos.act(client)
    await hub.open(registry)
    for n in range(INSTANCES):
        await chaos.finish(client, f"i{n}")
        info = await client.finished(f"i{n}")
        assert (info.status, info.output_json) == (Status.COMPLETED, str(EXPECTED)), info
    for n in range(INSTANCES):
        await chaos.finish(client, f"shop{n}")
        assert await client.result(f"shop{n}") == 10
    assert repeated == []
    assert set(payments.values()) == {1}
    assert file.execute("SELECT * FROM inbox").fetchall() == []
    file.close()
    await hub.close()
