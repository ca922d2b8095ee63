"""How much a campaign at a desk does, and what came of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from tests.campaign.judge import Verdict
from tests.soak import either

_LEAST_IN_FLIGHT: Final = 0.3  # else it would say little


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to do; the same seed kills in the same order.

    Attributes:
        kills: How many processes are killed.
        workers: How many live when all do.
        talks: How many go on at once.
    """

    seed: int
    kills: int
    workers: int = 2
    talks: int = 5


_FEW: Final = [Plan(seed=1, kills=6)]
_MANY: Final = [
    *(Plan(seed=seed, kills=20, workers=1) for seed in range(100, 102)),
    *(Plan(seed=seed, kills=20) for seed in range(200, 204)),
    *(Plan(seed=seed, kills=20, workers=3, talks=12) for seed in range(300, 302)),
]

every_plan = pytest.mark.parametrize(
    "plan", either(_FEW, soak=_MANY), ids=lambda plan: f"seed{plan.seed}"
)


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of a plan.

    Attributes:
        kills: Of what, how often.
        in_flight: How many kills hit activities that ran.
        answers: By request, its answer.
        wrong: By request, the answer if it is not the right one.
        not_the_same: What was answered otherwise when it was asked again.
        lost: The talks without an end.
        asks_failed: How many requests had to be made again, as the client was told of an outage.
        approved: How many questions were approved.
        verdict: What ran again.
        run_anew: What had an end and ran again under another key, so that the judge misses it.
        lost_with_worker: What ran again under another key since a death had cut it short, or had
            taken its end, where a key may change.
    """

    kills: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    answers: dict[str, Any] = field(default_factory=dict)
    wrong: dict[str, Any] = field(default_factory=dict)
    not_the_same: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    asks_failed: int = 0
    approved: int = 0
    verdict: Verdict = field(default_factory=Verdict)
    run_anew: list[str] = field(default_factory=list)
    lost_with_worker: list[str] = field(default_factory=list)

    @property
    def repeated(self) -> int:
        """How much ran again rightly."""
        verdict = self.verdict
        return sum(map(len, (verdict.cut_short, verdict.in_doubt, self.lost_with_worker)))

    def problems(self, plan: Plan) -> dict[str, Any]:
        """Return what must not be, by what it is; nothing if all went as it should."""
        few = self.in_flight < _LEAST_IN_FLIGHT * plan.kills
        found = {
            "no answer": self.lost,
            "wrong answer": self.wrong,
            "not the same when asked again": self.not_the_same,
            **self.verdict.wrong,
            "ran again under another key": self.run_anew,
            "killed otherwise than planned": self.kills if self.kills.total() != plan.kills else {},
            "too few kills with work in flight": [self.in_flight] if few else [],
            "too few questions to people": []
            if self.approved >= len(self.answers)
            else [self.approved],
        }
        return {what: those for what, those in found.items() if those}

    def line(self) -> str:
        """Return it in a line."""
        verdict = self.verdict
        killed = ", ".join(f"{name} {count}" for name, count in sorted(self.kills.items()))
        return (
            f"{self.kills.total()} kills ({killed}; {self.in_flight} with work in flight), "
            f"{len(self.answers)} answers, {verdict.operations} activities that note themselves, "
            f"{self.approved} approvals: {len(self.lost)} lost, {len(self.wrong)} wrong, "
            f"{len(self.not_the_same)} not the same again, {verdict.faults} run again after they "
            f"were recorded, {len(self.run_anew)} run anew; run again rightly: "
            f"{len(verdict.cut_short)} cut short, {len(verdict.in_doubt)} in doubt, "
            f"{len(self.lost_with_worker)} under another key; "
            f"{self.asks_failed} asks failed"
        )
