"""What a campaign does: which instances it starts, and which processes it kills, and when.

All of it follows from the seed, so that the twin on a vendor's own SDK meets with the same.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

WORKER: Final = "worker"

_AIMED: Final = 0.6
_PAIRS: Final = 0.25
_MOST_DOWN_SECONDS: Final = 1.5
_MOST_WAIT_SECONDS: Final = 0.8
_SPREAD_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to do.

    Attributes:
        seed: The same seed gives the same campaign.
        kills: How many processes are killed.
        server: The name of the server that workers talk to.
        targets: What is killed, and how often beside the others; a worker stands for any of them,
            and so does that server.
        workers: How many worker processes live, when all do.
        servers: How many of that server.
        instances_a_round: How many workflow instances are started before each outage.
        patience_seconds: How long instances may take to end once all processes live again.
        is_recording: Whether perdure's workers record results on their host; without it the double
            run of a lost completion is there to be found.
    """

    seed: int
    kills: int
    server: str
    targets: Mapping[str, int]
    workers: int = 2
    servers: int = 1
    instances_a_round: int = 4
    patience_seconds: float = 60.0
    is_recording: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """Some processes are killed at once, and started again a while later.

    Attributes:
        after_seconds: How long after activities were seen to run again.
        is_aimed: Whether it waits for a moment at which activities run in a worker.
        victims: ``worker-1``, ``daprd-2``, ``scheduler`` ….
        down_seconds: How long they stay away.
    """

    after_seconds: float
    is_aimed: bool
    victims: tuple[str, ...]
    down_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """An instance that is to be started.

    Attributes:
        instance_id: Its id, and the name under which its activities write their record.
        workflow: Of which workflow.
        round: Before the first outage (0), before the second …; the last are started after all.
        start_seconds: When, counted from the begin of the round.
    """

    instance_id: str
    workflow: str
    round: int
    start_seconds: float


def outages_of(plan: Plan) -> list[Outage]:
    """Return the kills of ``plan`` in their order."""
    chance = random.Random(f"outages {plan.seed}")
    outages: list[Outage] = []
    left = plan.kills
    while left > 0:
        count = 2 if left > 1 and chance.random() < _PAIRS else 1
        victims = _victims(chance, plan, count)
        left -= len(victims)
        outages.append(
            Outage(
                after_seconds=chance.uniform(0, _MOST_WAIT_SECONDS),
                is_aimed=chance.random() < _AIMED,
                victims=victims,
                down_seconds=chance.uniform(0, _MOST_DOWN_SECONDS),
            )
        )
    return outages


def duties_of(plan: Plan, workflows: list[str]) -> list[Duty]:
    """Return the instances of ``plan``; those of the first round are there before any worker."""
    chance = random.Random(f"duties {plan.seed}")
    rounds = len(outages_of(plan))
    count = rounds * plan.instances_a_round
    names = [workflows[number % len(workflows)] for number in range(count)]
    chance.shuffle(names)
    return [
        Duty(
            instance_id=f"i{number}-{name}",
            workflow=name,
            round=number % rounds,
            start_seconds=chance.uniform(0, _SPREAD_SECONDS) if number % rounds else 0.0,
        )
        for number, name in enumerate(names)
    ]


def worker_names(plan: Plan) -> list[str]:
    """Return the names of the worker processes: ``worker-1``, ``worker-2`` …."""
    return [f"{WORKER}-{number}" for number in range(1, plan.workers + 1)]


def server_names(plan: Plan) -> list[str]:
    """Return the names of the servers: ``daprd``, ``daprd-2`` …."""
    return [plan.server, *(f"{plan.server}-{number}" for number in range(2, plan.servers + 1))]


def _victims(chance: random.Random, plan: Plan, count: int) -> tuple[str, ...]:
    kinds = chance.choices(list(plan.targets), weights=list(plan.targets.values()), k=count)
    members = {WORKER: worker_names(plan), plan.server: server_names(plan)}
    return tuple({chance.choice(members.get(kind, [kind])): None for kind in kinds})
