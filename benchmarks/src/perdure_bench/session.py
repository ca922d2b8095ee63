"""A session: what was asked, the places, and the sides that are alive in the present pass."""

from __future__ import annotations

import secrets
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from perdure_bench.noise import measure_noise
from perdure_bench.places.choosing import make_place
from perdure_bench.places.place import PlaceError
from perdure_bench.sides.process import Side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from perdure_bench.cells import Cell, Found
    from perdure_bench.places.place import Place
    from perdure_bench.run_folder import Run, RunFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a run is to measure.

    Attributes:
        backends: Names, as ``--backends`` has them.
        suites: Names, as ``--suite`` has them.
        passes: How often everything is measured, in an order drawn anew.
        seed: Of that order.
        is_native: Whether the vendors' own SDKs are measured, too.
        is_smoke: Whether only a little of each suite is measured, to see that it works.
        round_trip: Added to each call of the stand-in for Durable Task Scheduler.
        given: Which backends are the user's own, and where they are, without secrets.
        only: Parts of names of workloads; only those that have one are measured. All if empty.
    """

    backends: tuple[str, ...]
    suites: tuple[str, ...]
    passes: int = 3
    seed: int = 0
    is_native: bool = False
    is_smoke: bool = False
    round_trip: str | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    only: tuple[str, ...] = ()


@dataclass(eq=False)
class Session:
    """The state of one call of ``perdure bench run``.

    Attributes:
        asked: What is measured.
        run: What is known of the run; grows as it goes on.
        folder: Where it is kept.
        work: A temporary folder for servers and files.
        tell: Takes words on how far it is.
        addresses: Of the backends that are the user's own.
        total: How many cells there are to measure.
        done: How many have been.
    """

    asked: Asked
    run: Run
    folder: RunFolder
    work: Path
    tell: Callable[[str], None]
    addresses: Mapping[str, str] = field(default_factory=dict)
    total: int = 0
    done: int = 0
    _begun: float = field(default_factory=time.monotonic)
    _places: dict[str, Place] = field(default_factory=dict)
    _broken: set[str] = field(default_factory=set)
    _sides: dict[tuple[str, str], Side] = field(default_factory=dict)
    _connected: dict[str, Side] = field(default_factory=dict)
    _pass: int = 0
    _ids: int = 0
    _id_prefix: str = field(default_factory=lambda: f"bench-{secrets.token_hex(4)}-")

    def place(self, cell: Cell) -> Place:
        """Return the backend of a cell, fresh in each pass and after it broke.

        Raises:
            StackError: Its servers cannot be started.
            PlaceError: It cannot be had for another reason.
        """
        if cell.number != self._pass:
            self._next_pass(cell.number)
        place = self._places.get(cell.backend)
        if place is None:
            folder = self.work / cell.backend
            place = make_place(
                cell.backend,
                folder,
                round_trip=self.asked.round_trip,
                tell=self.tell,
                address=self.addresses.get(cell.backend),
                id_prefix=self._id_prefix,
            )
            self._places[cell.backend] = place
            self._broken.add(cell.backend)
        if cell.backend in self._broken:
            self._end_sides(cell.backend)
            place.fresh()
            self._broken.discard(cell.backend)
            self._note_conditions(place)
        return place

    def side(self, cell: Cell) -> Side:
        """Return the process that does the work of a cell, connected; the only one that is.

        Raises:
            SideFailedError: It ended.
            SideTimedOutError: It did not answer in time.
            StackError: Its servers cannot be started.
        """
        place = self.place(cell)
        connected = self._connected.pop(cell.backend, None)
        side = self._sides.get((cell.backend, cell.way))
        if connected is not None and connected is side:
            self._connected[cell.backend] = side
            return side
        if connected is not None and connected.is_alive:
            connected.disconnect()
        if side is None or not side.is_alive:
            side = self.new_side(place, cell.way).__enter__()
            self._sides[cell.backend, cell.way] = side
        side.connect()
        self._connected[cell.backend] = side
        return side

    def new_side(
        self, place: Place, way: str, *, variables: Mapping[str, str] = MappingProxyType({})
    ) -> Side:
        """Return a process of its own for a way to do work; it is started by ``with``.

        Args:
            place: Where.
            way: Which.
            variables: Of its environment, beyond those of the place and the way.
        """
        how = place.ways[way]
        log = self.work / f"{place.name}-{way}.log"
        environment = {**place.environment, **how.environment, **variables}
        return Side(f"{way} on {place.name}", module=how.module, environment=environment, log=log)

    @contextmanager
    def own_side(self, cell: Cell, *, module: str, arguments: Sequence[str] = ()) -> Iterator[Side]:
        """Give a connected process of a suite's own, alone on the backend; it is ended afterwards.

        Raises:
            SideFailedError: It ended.
            SideTimedOutError: It did not answer in time.
            StackError: Its servers cannot be started.
        """
        place = self.place(cell)
        self._end_sides(cell.backend)
        log = self.work / f"{place.name}-{cell.suite}-{cell.way}.log"
        side = Side(
            f"{cell.way} on {place.name}",
            module=module,
            environment=place.environment,
            log=log,
            arguments=arguments,
        )
        try:
            with side:
                side.connect()
                yield side
                side.disconnect()
        finally:
            # What it leaves waiting is work of no other side, whose worker would hand it back.
            self.mark_broken(cell.backend)

    def end_sides(self, backend: str) -> None:
        """End the processes that work on a backend, so that another one is alone on it."""
        self._end_sides(backend)

    def mark_broken(self, backend: str) -> None:
        """Have a backend brought up anew before its next cell."""
        self._broken.add(backend)

    def new_ids(self, count: int) -> list[str]:
        """Return ids of instances that were never used, and are no other run's."""
        first = self._ids
        self._ids += count
        return [f"{self._id_prefix}{number}" for number in range(first, self._ids)]

    def note_peer(self, name: str, settings: Mapping[str, str]) -> None:
        """Write down the versions and the durability of an engine that has no place of its own."""
        self.run.backends[name] = dict(settings)
        self.folder.begin(self.run)

    def add(self, found: Found) -> None:
        """Keep what a cell gave, and tell how far the run is."""
        self.folder.add(found)
        self.done += 1
        taken = time.monotonic() - self._begun
        left = taken / self.done * (self.total - self.done)
        said = found.status if found.status != "ok" else _in_words(found)
        first_line = found.note.splitlines()[0] if found.note else ""
        self.tell(
            f"[{self.done}/{self.total}, {_minutes(left)} left] {found.cell}: {said}"
            + (f" ({first_line})" if first_line else "")
        )

    def close(self) -> None:
        """End all sides and servers."""
        for place in self._places.values():
            self._end_sides(place.name)
            try:
                place.close()
            except PlaceError as error:
                self.tell(str(error))
        self._places.clear()

    def _next_pass(self, number: int) -> None:
        self._pass = number
        self._broken.update(self._places)
        for place in self._places.values():
            self._end_sides(place.name)
        self.run.noise.append(measure_noise(number, suites=self.asked.suites))
        self.folder.begin(self.run)

    def _end_sides(self, backend: str) -> None:
        self._connected.pop(backend, None)
        for (name, way), side in list(self._sides.items()):
            if name == backend:
                del self._sides[name, way]
                side.__exit__(None, None, None)

    def _note_conditions(self, place: Place) -> None:
        ways = {name: way.about for name, way in place.ways.items() if way.about}
        self.run.backends[place.name] = {**place.conditions(), **ways}
        self.folder.begin(self.run)


def _in_words(found: Found) -> str:
    if not found.samples:
        return "done"
    middle = sorted(found.samples)[len(found.samples) // 2]
    if found.unit == "s":
        return f"{middle * 1_000:.1f} ms" if middle < 1 else f"{middle:.2f} s"
    return f"{middle:g} {found.unit}"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"
