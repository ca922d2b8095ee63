"""How pairs are made: on sides and servers that only write down what they are told."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, cast

from benchmarks.beside.pairing import SETTLING, Contestants, Pairing
from benchmarks.beside.results import Footprint, Spent
from benchmarks.beside.serving import Done
from benchmarks.beside.workloads import Job, Workload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.beside.side import Side

CHAIN = Job(shape="chain", size=3)


class World:
    """Both sides and the servers."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.kept: set[str] = set()
        self.cpu_seconds = 0.0
        self.longest = 0

    @contextmanager
    def side(self, name: str) -> Iterator[Side]:
        self.said.append(f"{name} begins")
        yield cast("Side", Recorded(self, name))
        self.said.append(f"{name} ends")

    def spent(self) -> dict[str, Spent]:
        return {"server": Spent(cpu_seconds=self.cpu_seconds, memory_bytes=5)}

    def footprint(self, instance_id: str) -> Footprint:
        assert instance_id in self.kept
        return Footprint(events=1, history_bytes=2, rows=3, row_bytes=4)

    def forget(self, instance_ids: Sequence[str]) -> None:
        self.kept.difference_update(instance_ids)


class Recorded:
    """A side that takes a second for each activity, and ours two."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._name = name
        self.age_seconds = 42.0

    def connect(self) -> None:
        assert not self._world.kept, "the other side has left something"
        self._world.said.append(f"{self._name} connects")

    def disconnect(self) -> None:
        self._world.said.append(f"{self._name} disconnects")

    def run(self, job: Job, instance_ids: Sequence[str]) -> Done:
        assert self._world.kept.isdisjoint(instance_ids)
        self._world.kept.update(instance_ids)
        if job != SETTLING:
            self._world.cpu_seconds += 8
        seconds = float(job.size) * (2 if self._name == "ours" else 1)
        return Done(seconds=seconds, cpu_seconds=0.5, memory_bytes=6)


def pairing(world: World, *, seed: int = 0) -> Pairing:
    contestants = Contestants(
        ours=partial(world.side, "ours"), theirs=partial(world.side, "theirs")
    )
    return Pairing(contestants, world, seed=seed, tell=lambda words: None)


def order(world: World) -> str:
    """Who was connected, a letter each."""
    return "".join(words[0] for words in world.said if words.endswith(" connects"))


def test_warm_ups_are_run_and_not_counted() -> None:
    world = World()
    measured = pairing(world).measure(
        Workload(name="a chain", job=CHAIN, pairs=4, warm_up_pairs=2, repeats=3)
    )
    assert len(measured.ours) == len(measured.theirs) == 4
    assert len(order(world)) == 2 * (4 + 2)
    assert {sample.seconds for sample in measured.ours} == {6.0}
    assert {sample.seconds for sample in measured.theirs} == {3.0}


def test_each_pair_has_both_sides_in_an_order_of_its_own() -> None:
    world = World()
    pairing(world).measure(Workload(name="a chain", job=CHAIN, pairs=20, warm_up_pairs=0))
    connected = order(world)
    pairs = [connected[at : at + 2] for at in range(0, len(connected), 2)]
    assert set(pairs) == {"ot", "to"}
    again = World()
    pairing(again).measure(Workload(name="a chain", job=CHAIN, pairs=20, warm_up_pairs=0))
    assert order(again) == connected


def test_one_side_is_connected_at_a_time() -> None:
    world = World()
    pairing(world).measure(Workload(name="a chain", job=CHAIN, pairs=5))
    steps = [words for words in world.said if words.endswith("connects")]
    assert len(steps) == 2 * 2 * (5 + 2)
    for begin, end in zip(steps[::2], steps[1::2], strict=True):
        assert (begin.split()[1], end.split()[1]) == ("connects", "disconnects")
        assert begin.split()[0] == end.split()[0]


def test_what_servers_spend_is_told_for_one_job() -> None:
    measured = pairing(World()).measure(Workload(name="a chain", job=CHAIN, pairs=1, repeats=4))
    spent = measured.ours[0].spent
    assert spent["server"] == Spent(cpu_seconds=8, memory_bytes=5)
    assert spent["worker"] == Spent(cpu_seconds=0.5, memory_bytes=6)


def test_a_cold_start_is_of_a_fresh_process_from_its_beginning() -> None:
    world = World()
    measured = pairing(world).measure(
        Workload(name="start-up", job=CHAIN, pairs=3, warm_up_pairs=1, is_cold=True)
    )
    assert {sample.seconds for sample in (*measured.ours, *measured.theirs)} == {42.0}
    assert world.said.count("ours begins") >= 4
