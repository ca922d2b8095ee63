"""The journal that a bridge's executor records is the one that perdure's own engine would write.

Both run the same program and are given the same answers in the same order; only the instants
differ, since a server tells one for each work item.
"""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure._program import RegistryProgram
from perdure._runner.runner import Runner
from perdure.spi.history import HistoryEvent, TimerFired, WorkflowStarted
from tests.bridge.engine import journal_of
from tests.bridge.host import Host
from tests.bridge.programs import WatchedBridge, app

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAMS: list[tuple[str, dict[str, Any]]] = [
    ("chain", {"steps": 4}),
    ("fan", {"width": 5}),
    ("retrying", {"fails": 2}),
    ("timeouts", {"calls": 3}),
    ("racing_all", {"width": 4}),
    ("approvals", {"names": ["a", "b", "a"]}),
    ("impatient", {"seconds": 3.0}),
    ("counting", {"left": 3, "seen": []}),
    ("sleeping", {"width": 3}),
]


def drive(host: Host, choices: Sequence[int], bridges: Sequence[WatchedBridge]) -> None:
    """Let things happen in an order that ``choices`` picks, several in one work item or lost."""
    for choice in choices:
        if host.status != "running":
            return
        open_ones = [*sorted(host.activities), *(-id for id in sorted(host.timers))]
        pick = choice % (len(open_ones) + 2)
        if pick < len(open_ones):
            id = open_ones[pick]
            if id > 0:
                host.answer(id)
            else:
                host.fire(-id)
        else:
            host.raise_event("abtick"[choice % 2] if choice % 3 else "tick", choice)
        if choice % 5:
            host.execute(bridges[choice % len(bridges)], loses_answer=choice % 7 == 0)


def runner_journal(journal: Sequence[HistoryEvent]) -> list[HistoryEvent]:
    """Return what the embedded engine's runner records when it is given the same inputs."""
    started = journal[0]
    assert isinstance(started, WorkflowStarted)
    runner = Runner(RegistryProgram(app).executor(started.workflow))
    entries: list[HistoryEvent] = []
    for event in journal:
        # A due timer fires by itself, as it does in the engine.
        if not event.is_command and not isinstance(event, TimerFired):
            runner.post(event)
        entries += runner.step(event.at_us).entries
    runner.close()
    return entries


@given(
    program=st.sampled_from(PROGRAMS),
    choices=st.lists(st.integers(0, 10_000), max_size=30),
    retain=st.sampled_from([0, 100]),
)
def test_the_journal_is_the_one_the_engines_runner_writes(
    program: tuple[str, dict[str, Any]], choices: list[int], retain: int
) -> None:
    bridges = [WatchedBridge(app, retain=retain) for _ in range(2)]
    host = Host(bridges[0])
    host.start(program[0], **program[1])
    drive(host, choices, bridges)
    kept = [run.journal for b in bridges if (run := b.runs.get("trip-1")) is not None]
    for journal in [*kept, *(journal for b in bridges for journal in b.journals)]:
        assert journal == runner_journal(journal)
    assert not any(b.parked for b in bridges)
    for b in bridges:
        b.close()


@given(
    program=st.sampled_from(PROGRAMS),
    choices=st.lists(st.integers(0, 10_000), max_size=20),
)
def test_a_worker_that_replays_records_what_the_first_one_did(
    program: tuple[str, dict[str, Any]], choices: list[int]
) -> None:
    first, second = WatchedBridge(app), WatchedBridge(app)
    host = Host(first)
    host.start(program[0], **program[1])
    drive(host, [choice for choice in choices if choice % 7], [first])
    host.execute()
    if host.status == "running":
        host.raise_event("perdure.wake", None).execute(second)
        host.raise_event("perdure.wake", None).execute(first)
        of_first, of_second = first.runs.get("trip-1"), second.runs.get("trip-1")
        assert of_first is not None
        assert of_second is not None
        assert of_first.journal == of_second.journal
    assert not second.parked
    first.close()
    second.close()


@pytest.mark.parametrize("program", PROGRAMS[:5], ids=lambda program: program[0])
def test_the_journal_is_the_one_the_embedded_engine_commits(
    bridge: WatchedBridge, program: tuple[str, dict[str, Any]]
) -> None:
    name, arguments = program
    Host(bridge).start(name, **arguments).run()
    (ours,) = bridge.journals
    theirs = journal_of(app, name, json.dumps(arguments))
    assert [timeless(entry) for entry in ours] == [timeless(entry) for entry in theirs]


def timeless(entry: HistoryEvent) -> HistoryEvent:
    """Return an entry without what depends on the clock, the machine and chance."""
    volatile = {"at_us", "fire_at_us", "run_id", "seed", "python", "perdure"}
    blank = {
        each.name: type(getattr(entry, each.name))()
        for each in fields(entry)
        if each.name in volatile
    }
    return replace(entry, **blank)
