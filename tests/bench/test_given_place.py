"""A backend of the user's own: what is said of it, and that only what a run made is removed."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from perdure_bench.cells import NATIVE, PERDURE
from perdure_bench.places.addresses import read_address
from perdure_bench.places.choosing import make_place
from perdure_bench.places.given_place import GivenPlace
from perdure_bench.places.place import PlaceError
from perdure_bench.sides.jobs import Job
from perdure_bench.sides.process import Side

from perdure.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPEN = "Endpoint=http://127.0.0.1:8080;TaskHub=trips;Authentication=None"
TLS = "Endpoint=https://mine.westus.durabletask.io;TaskHub=trips;Authentication=ManagedIdentity;ClientID=abc"


@pytest.mark.parametrize(
    ("address", "shown", "endpoint", "is_stand_in"),
    [
        ("azure://127.0.0.1:8080/trips", "127.0.0.1:8080", "http://127.0.0.1:8080", "yes"),
        (OPEN, "127.0.0.1:8080", "http://127.0.0.1:8080", "yes"),
        (
            "azure://mine.westus.durabletask.io/trips?client_id=abc",
            "mine.westus.durabletask.io:443",
            "https://mine.westus.durabletask.io:443",
            "no",
        ),
        (
            TLS,
            "mine.westus.durabletask.io:443",
            "https://mine.westus.durabletask.io:443",
            "no",
        ),
    ],
)
def test_a_scheduler_is_shown_by_its_host_and_hub_alone(
    address: str, shown: str, endpoint: str, is_stand_in: str
) -> None:
    where = read_address("azure", address)
    assert where.shown == f"{shown}, task hub trips"
    assert where.native == {"ENDPOINT": endpoint, "TASKHUB": "trips"}
    assert where.is_stand_in == is_stand_in


def test_a_sidecar_is_shown_by_its_host_alone(tmp_path: Path) -> None:
    place = GivenPlace("dapr", "dapr://10.1.2.3:50001?hub=shop", tmp_path, id_prefix="bench-1-")
    assert "10.1.2.3:50001" in place.conditions()["servers"]
    assert not any("shop" in words for words in place.conditions().values())
    assert "is_stand_in" not in place.conditions()
    assert place.environment["PERDURE_BACKEND"] == "dapr://10.1.2.3:50001?hub=shop"
    assert place.environment["DAPR_GRPC_ENDPOINT"] == "http://10.1.2.3:50001"
    assert place.spent() == {}


@pytest.mark.parametrize(
    ("name", "address", "words"),
    [
        ("embedded", "sqlite:///a.db", "only azure or dapr"),
        ("azure", "dapr://127.0.0.1:1", "azure="),
        ("dapr", "azure://127.0.0.1:1/hub", "dapr="),
        ("azure", "azure://127.0.0.1:8080/trips?colour=red", "colour"),
    ],
)
def test_an_address_that_cannot_be_is_refused(name: str, address: str, words: str) -> None:
    with pytest.raises(PlaceError, match=words):
        read_address(name, address)


def test_a_backend_that_does_not_answer_cannot_be_had(tmp_path: Path) -> None:
    address = "azure://127.0.0.1:1/trips"
    place = make_place("azure", tmp_path, round_trip=None, tell=print, address=address)
    with pytest.raises(PlaceError, match=r"127\.0\.0\.1:1, task hub trips cannot be used"):
        place.fresh()


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of a stand-in that is up before a run, and after it."""
    stack = Stack("azure", tmp_path_factory.mktemp("azure"), is_tied=True)
    stack.up()
    yield stack.url
    stack.down()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("way", [PERDURE, NATIVE])
def test_only_what_the_run_made_is_removed(tmp_path: Path, scheduler: str, way: str) -> None:
    place = GivenPlace("azure", scheduler, tmp_path, id_prefix="bench-1-")
    place.fresh()
    ids = ["bench-1-0", "bench-1-1", f"theirs-{way}"]
    with side_of(place, way, tmp_path) as side:
        side.connect()
        side.run(Job(shape="chain"), ["bench-1-2"], within=60)
        side.run(Job(shape="idle", instances=3, clients=3), ids, within=60)
        side.disconnect()
    assert listed(scheduler) >= {*ids, "bench-1-2"}
    place.close()
    left = listed(scheduler)
    assert f"theirs-{way}" in left
    assert not any(each.startswith("bench-1-") for each in left)


def side_of(place: GivenPlace, way: str, folder: Path) -> Side:
    return Side(
        way,
        module=place.ways[way].module,
        environment=place.environment,
        log=folder / "side.log",
    )


def listed(url: str) -> set[str]:
    """Return the ids of all instances there."""
    command = [sys.executable, "-m", "perdure", "list", "-b", url, "-o", "ids"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.split())
