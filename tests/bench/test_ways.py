"""The ways to do work: perdure at its defaults, at its fastest, and the vendor's own SDK."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest
from perdure_bench.cells import FASTEST, PERDURE
from perdure_bench.places.choosing import BACKENDS, declared_ways, make_place
from perdure_bench.sides.jobs import Job
from perdure_bench.sides.process import Side

from perdure.embedded.location import parse_location

if TYPE_CHECKING:
    from pathlib import Path

    from perdure_bench.places.place import Place


def place_of(name: str, folder: Path, address: str | None = None) -> Place:
    return make_place(name, folder, round_trip=None, tell=print, address=address)


def fastest_url(place: Place) -> str:
    return place.ways[FASTEST].environment["PERDURE_BACKEND"]


@pytest.mark.parametrize("name", BACKENDS)
def test_a_place_has_the_ways_that_are_declared(tmp_path: Path, name: str) -> None:
    assert tuple(place_of(name, tmp_path).ways) == declared_ways(name)


@pytest.mark.parametrize("name", BACKENDS)
def test_only_what_is_no_default_is_said_of_a_way(tmp_path: Path, name: str) -> None:
    ways = place_of(name, tmp_path).ways
    assert ways[PERDURE].about == ""
    assert "=" in ways[FASTEST].about  # the setting
    assert ways[FASTEST].about.endswith(".")


def test_the_fastest_embedded_engine_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    place = place_of("embedded", tmp_path)
    fastest = parse_location(fastest_url(place))
    assert fastest.synchronous == "normal"
    assert fastest.path == parse_location(place.url).path


@pytest.mark.parametrize(
    ("name", "address", "url"),
    [
        ("azure", None, "azure?record=off"),
        ("azure", "azure://127.0.0.1:1/trips", "azure://127.0.0.1:1/trips?record=off"),
        ("azure", "azure://h/trips?tls=false", "azure://h/trips?tls=false&record=off"),
        ("dapr", None, "dapr?record=off"),
        ("dapr", "dapr://127.0.0.1:1", "dapr://127.0.0.1:1?record=off"),
    ],
)
def test_the_fastest_worker_on_servers_keeps_no_record(
    tmp_path: Path, name: str, address: str | None, url: str
) -> None:
    assert fastest_url(place_of(name, tmp_path, address)) == url


@pytest.mark.timeout(180)  # the first run on a machine builds the stand-in
@pytest.mark.parametrize(("way", "recorded"), [(PERDURE, 3), (FASTEST, 0)])
def test_the_record_of_results_is_kept_by_default_alone(
    tmp_path: Path, way: str, recorded: int
) -> None:
    place = place_of("azure", tmp_path / "place")
    place.fresh()
    try:
        how = place.ways[way]
        environment = {**place.environment, **how.environment}
        log = tmp_path / "side.log"
        with Side(way, module=how.module, environment=environment, log=log) as side:
            side.connect()
            side.run(Job(shape="chain", size=3), ["i"], within=60)
        (record,) = tmp_path.glob("place/home/**/results-1.db")
        with contextlib.closing(sqlite3.connect(record)) as connection:
            (count,) = connection.execute("SELECT count(*) FROM outcomes").fetchone()
    finally:
        place.close()
    assert count == recorded
