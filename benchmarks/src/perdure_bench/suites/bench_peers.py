"""Peers: the embedded engine beside DBOS on SQLite and Restate, each at its own defaults.

Nothing is asked for beyond the defaults, so durability is what each has of itself: it is read from
DBOS's own connection and from the configuration of Restate's server, and stands in the details
(``settings``) and in the conditions of the run. Every cell starts with a new process and an empty
store, and Restate's with a new server.

What an activity is differs; the details (``note``) and the notes of the peers' cells say so. One of
perdure is dispatched to a worker, which may be another process. A step of DBOS and a ``ctx.run`` of
Restate are run inside the workflow's own process and only written down, which is less work.

Samples are seconds from the start of an instance to its result; where many run at once, activities
per second, one for each round. Figures: those of :mod:`perdure_bench.usage`, with
``restate-server`` as a server, and ``seconds_per_round``.

This suite needs packages of its own, and runs only when it is asked for.
"""

from __future__ import annotations

import importlib.util
import shutil
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from perdure_bench.cells import PERDURE
from perdure_bench.peers.restate_server import RestateServer, find_restate_server
from perdure_bench.places.place import PlaceError
from perdure_bench.sides.jobs import Job
from perdure_bench.workloads import Workload, workloads

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from perdure_bench.bench import Bench
    from perdure_bench.sides.process import Side
    from perdure_bench.usage import Servers

DBOS = "dbos"
RESTATE = "restate"

_WARM_UPS = 2
_WARM_UP_INSTANCES = 20
_ASK_SECONDS = 30.0
_LONGEST_SECONDS = 300.0
_INSTALL = "pip install 'perdure-bench[peers]'"
_ACTIVITIES: Mapping[str, str] = {
    PERDURE: "an activity is dispatched to a worker, here in the same process",
    DBOS: "a step runs inside the workflow's own process and is only written down",
    RESTATE: "a ctx.run runs inside the workflow's own process and is only written down",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared(Workload):
    """A job that all peers do.

    Attributes:
        job: What is done in each round.
        rounds: How many rounds count.
    """

    job: Job
    rounds: int = 1
    ways: tuple[str, ...] = (PERDURE,)
    own_ways: tuple[str, ...] = (DBOS, RESTATE)
    backends: tuple[str, ...] | None = ("embedded",)


WORKLOADS = (
    Compared(name="1 step", job=Job(shape="chain", size=1), rounds=50),
    Compared(name="chain of 10", job=Job(shape="chain", size=10), rounds=20, in_smoke=True),
    Compared(name="chain of 100", job=Job(shape="chain", size=100), rounds=4),
    Compared(name="fan-out of 100", job=Job(shape="fan_out", size=100), rounds=4),
    Compared(
        name="200 chains of 10 at once",
        job=Job(shape="chain", size=10, instances=200, clients=200),
    ),
)


@workloads(WORKLOADS)
def bench_peers(bench: Bench, workload: Compared) -> None:
    job = workload.job
    rounds = 2 if bench.session.asked.is_smoke else workload.rounds
    with _peer(bench) as peer:
        some = replace(job, instances=min(job.instances, _WARM_UP_INSTANCES))
        for _ in range(_WARM_UPS):
            bench.run(some, within=_LONGEST_SECONDS, side=peer.side)
        counted, figures = bench.measured(
            job, rounds=rounds, within=_LONGEST_SECONDS, side=peer.side, servers=peer.servers
        )
    activities = int(job.size) * job.instances
    is_rate = job.instances > 1
    meaning = _ACTIVITIES[bench.cell.way]
    bench.keep(
        # A reader of the report must know it of the peers, whose figures it makes better.
        note="" if bench.cell.way == PERDURE else meaning,
        unit="1/s" if is_rate else "s",
        samples=[activities / done.seconds for done in counted]
        if is_rate
        else [sample for done in counted for sample in done.samples],
        figures=figures,
        details={
            "job": asdict(job),
            "rounds": rounds,
            "activities_per_round": activities,
            "settings": dict(peer.settings),
            "note": meaning,
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Peer:
    """An engine that is up.

    Attributes:
        side: The process that works with it.
        settings: Versions and durability in words, by name.
        servers: Those that it has beside its side.
    """

    side: Side
    settings: Mapping[str, str]
    servers: Servers | None = None


@contextmanager
def _peer(bench: Bench) -> Iterator[_Peer]:
    way, session = bench.cell.way, bench.session
    # All begin on nothing: perdure's file is a new one, too.
    session.mark_broken(bench.cell.backend)
    if way == PERDURE:
        side = bench.side
        yield _Peer(side=side, settings=bench.place.conditions())
        return
    folder = session.work / "peers"
    folder.mkdir()
    try:
        with _dbos(bench, folder) if way == DBOS else _restate(bench, folder) as peer:
            session.note_peer(way, peer.settings)
            yield peer
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _dbos(bench: Bench, folder: Path) -> Iterator[_Peer]:
    _require("dbos")
    module, arguments = "perdure_bench.peers.dbos_side", [str(folder)]
    with bench.session.own_side(bench.cell, module=module, arguments=arguments) as side:
        yield _Peer(side=side, settings=side.order("settings", within=_ASK_SECONDS))


@contextmanager
def _restate(bench: Bench, folder: Path) -> Iterator[_Peer]:
    _require("restate")
    module = "perdure_bench.peers.restate_side"
    with RestateServer(find_restate_server(), folder / "restate") as server:
        urls = [server.environment[name] for name in ("INGRESS", "ADMIN")]
        with bench.session.own_side(bench.cell, module=module, arguments=urls) as side:
            settings = {**server.settings(), **side.order("settings", within=_ASK_SECONDS)}
            yield _Peer(side=side, settings=settings, servers=server)


def _require(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise PlaceError(f"{package} is not installed; type: {_INSTALL}")
