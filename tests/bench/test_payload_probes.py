"""Probes of payloads: what each end of an instance counts as, and what is left after it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from perdure_bench.cells import Cell
from perdure_bench.payloads import rig as rig_module
from perdure_bench.payloads.kinds import RUNGS, expected, fingerprint, text_of
from perdure_bench.payloads.probing import RUNS, Ended, Probed, probe
from perdure_bench.payloads.rig import Rig
from perdure_bench.payloads.ways import WAYS, ProbeWay

if TYPE_CHECKING:
    from pathlib import Path

    from perdure_bench.payloads.kinds import Kind

SIZE = 1_000


@dataclass
class MadeUpProber:
    """A backend whose instances all end the same way; ``None`` is one that never does."""

    end: Ended | Exception | None
    start_error: Exception | None = None
    removed: list[bool] = field(default_factory=list)

    async def connect(self) -> None:
        raise NotImplementedError

    async def start(self, kind: Kind, given: str | int, instance_id: str) -> None:
        if self.start_error is not None:
            raise self.start_error

    async def raise_event(self, text: str, instance_id: str) -> None:
        assert text == text_of(SIZE)

    async def ended(self, instance_id: str) -> Ended:
        if self.end is None:
            await asyncio.Event().wait()
        if isinstance(self.end, Exception):
            raise self.end
        assert self.end is not None
        return self.end

    async def status(self, instance_id: str) -> str:
        return "running"

    async def remove(self, instance_id: str, *, is_running: bool) -> None:
        self.removed.append(is_running)

    def is_lost(self, error: Exception) -> bool:
        return isinstance(error, ConnectionError)

    def words_of(self, error: Exception) -> str:
        return f"{type(error).__name__}: {error}"

    async def disconnect(self) -> None:
        raise NotImplementedError


async def probed(prober: MadeUpProber, kind: Kind = "activity input", **given: Any) -> Probed:
    """Return what becomes of one payload."""
    details: dict[str, Any] = {"instance_id": "one", "deadline_seconds": 5.0, **given}
    return await probe(prober, kind=kind, size=SIZE, **details)


@pytest.mark.parametrize(
    ("kind", "ended"),
    [
        ("activity input", Ended(status="completed", output=fingerprint(text_of(SIZE)))),
        ("workflow output", Ended(status="completed", output=text_of(SIZE))),
        ("custom status", Ended(status="completed", custom_status=text_of(SIZE))),
        ("event", Ended(status="completed", output=fingerprint(text_of(SIZE)))),
    ],
)
async def test_what_arrives_as_it_was_is_accepted(kind: Kind, ended: Ended) -> None:
    prober = MadeUpProber(ended)
    assert (await probed(prober, kind)).outcome == "accepted"
    assert prober.removed == [False]


async def test_what_arrives_otherwise_is_changed() -> None:
    ended = Ended(status="completed", output=text_of(SIZE)[:-1] + "!")
    found = await probed(MadeUpProber(ended), "workflow output")
    assert found.outcome == "changed"
    assert fingerprint(text_of(SIZE)) in found.words


@pytest.mark.parametrize(
    ("prober", "outcome", "where"),
    [
        (MadeUpProber(None, start_error=ValueError("too large")), "refused", "client"),
        (MadeUpProber(None, start_error=ConnectionError("gone")), "lost", "client"),
        (MadeUpProber(ValueError("too large")), "refused", "client, reading"),
        (MadeUpProber(Ended(status="failed", words="too large")), "refused", "workflow"),
        (MadeUpProber(Ended(status="stalled", words="too large")), "stalled", ""),
    ],
)
async def test_each_end_has_its_outcome(prober: MadeUpProber, outcome: str, where: str) -> None:
    found = await probed(prober)
    assert (found.outcome, found.where) == (outcome, where)
    assert "too large" in found.words or "gone" in found.words
    assert prober.removed == [where != "workflow"]


async def test_what_has_no_end_is_hung_at_the_deadline() -> None:
    found = await probed(MadeUpProber(None), deadline_seconds=0.2)
    assert (found.outcome, found.seconds) == ("hung", 0.2)
    assert found.words == "still running after 0.2 s"


async def test_an_answer_that_is_on_its_way_is_waited_for() -> None:
    class Reading(MadeUpProber):
        async def ended(self, instance_id: str) -> Ended:
            await asyncio.sleep(0.15)
            return await super().ended(instance_id)

        async def status(self, instance_id: str) -> str:
            return "COMPLETED"

    ended = Ended(status="completed", output=fingerprint(text_of(SIZE)))
    assert (await probed(Reading(ended), deadline_seconds=0.1)).outcome == "accepted"


@dataclass
class SlowProber(MadeUpProber):
    """One whose activities take longer together than the deadline."""

    runs: int = 1

    async def ended(self, instance_id: str) -> Ended:
        for _ in range(self.runs):
            await asyncio.sleep(0.15)
            RUNS.count += 1
        return await super().ended(instance_id)


async def test_an_instance_whose_activities_go_on_is_not_hung() -> None:
    size = 500_000
    ended = Ended(status="completed", output=expected("cumulative history", size))
    details: dict[str, Any] = {"instance_id": "one", "deadline_seconds": 0.5, "size": size}
    found = await probe(SlowProber(ended, runs=5), kind="cumulative history", **details)
    assert found.outcome == "accepted"

    # One that runs again and again makes no headway.
    found = await probe(SlowProber(ended, runs=500), kind="cumulative history", **details)
    assert found.outcome == "hung"
    assert found.seconds < 10
    assert "of 5 activities had run" in found.words


async def test_words_are_one_line_and_not_endless() -> None:
    words = "line\n" * 1_000
    found = await probed(MadeUpProber(Ended(status="failed", words=words)))
    assert len(found.words) == 400
    assert "\n" not in found.words


BAD_SIDE = """
import os
import time
from perdure_bench.payloads import perdure_side
from perdure_bench.payloads.probing import serve


class BadProber(perdure_side.PerdureProber):
    async def start(self, kind, given, instance_id):
        if given == {stuck}:
            time.sleep(60)
        if given == {dead}:
            os._exit(1)
        await super().start(kind, given, instance_id)


if __name__ == "__main__":
    serve(BadProber())
"""


@pytest.mark.timeout(60)
def test_a_process_that_is_stuck_or_dies_leaves_the_next_probe_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad_side.py").write_text(BAD_SIDE.format(stuck=2_000, dead=3_000))
    path = str(tmp_path)
    way = ProbeWay(about="bad", module="bad_side", environment={"PYTHONPATH": path})
    monkeypatch.setitem(WAYS, "embedded", {"bad": way})
    monkeypatch.setattr(rig_module, "DEADLINE_SECONDS", 3.0)
    monkeypatch.setattr(rig_module, "_MARGIN_SECONDS", 0.0)
    ids = iter(range(100))
    session = SimpleNamespace(
        work=tmp_path,
        addresses={},
        new_ids=lambda count: [f"bad-{next(ids)}"],
        run=SimpleNamespace(backends={}),
        folder=SimpleNamespace(begin=lambda run: None),
    )
    cell = Cell(suite="payloads", workload="activity input", backend="embedded", way="bad")
    bench: Any = SimpleNamespace(cell=cell, session=session)
    with Rig(bench) as rig:
        found = [rig.probe("activity input", size) for size in (1_000, 2_000, 1_001, 3_000, 1_002)]
    outcomes = [each.outcome for each in found]
    assert outcomes == ["accepted", "hung", "accepted", "lost", "accepted"]


@pytest.mark.timeout(120)
def test_a_run_keeps_the_ladder_and_the_edge(tmp_path: Path) -> None:

    command = [sys.executable, "-m", "perdure", "bench", "run", "--smoke", "--suite", "payloads"]
    done = subprocess.run(
        [*command, "--into", "run"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "run" / "cells.jsonl").read_text().splitlines()
    found = {each["cell"]["way"]: each for each in map(json.loads, lines)}
    assert {*found} == {"perdure", "perdure-store"}
    for each in found.values():
        ladder = each["details"]["ladder"]
        assert {probe["outcome"] for probe in ladder} == {"accepted"}
        assert [probe["bytes"] for probe in ladder] == [s for s in RUNGS if s <= 1_030 * 1_024]
        assert each["figures"] == {"edge_bytes": 1_030 * 1_024}
        assert each["details"]["published"]
        assert str(tmp_path) not in json.dumps(each)
