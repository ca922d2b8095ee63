"""Reruns: a run that begins with the journal of one before, cut at a command."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from perdure.spi.bridge import END_CHILDREN, START_CHILD, decode_start
from perdure.spi.history import (
    ActivityScheduled,
    ChildStarted,
    Completed,
    TimerCreated,
    WorkflowStarted,
)
from perdure.spi.journal import encode_journal
from perdure.spi.rerun import kept_for_rerun
from tests.bridge.dark_programs import DARK, app
from tests.bridge.fates import Fate
from tests.bridge.host import Host
from tests.bridge.programs import OTHER_SDK, SDK, WatchedBridge
from tests.bridge.test_equal_journals import PROGRAMS
from tests.bridge.test_projection import without_holds
from tests.bridge.vendor_history import projected, recorded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.spi.history import HistoryEvent


def rerun(host: Host, journal: Sequence[HistoryEvent], command_id: int, **options: Any) -> Host:
    """Run an instance again from a command of a journal on, in a history of its own."""
    kept = kept_for_rerun(journal, command_id)
    again = [] if kept.again is None else [kept.again]
    started = journal[0]
    assert isinstance(started, WorkflowStarted)
    new = Host(host.bridge, forgets=host.forgets)
    new.now_us = host.now_us
    prefix = encode_journal([*kept.journal, *again]) if kept.journal else ""
    return new.begin(
        started.workflow,
        json.loads(started.arguments),
        run_id="run-2",
        seed=started.seed,
        prefix=prefix,
        repeats=bool(again),
        **options,
    )


def commands(journal: Sequence[HistoryEvent]) -> list[int]:
    kinds = (ActivityScheduled, ChildStarted, TimerCreated)
    return [entry.id for entry in journal if isinstance(entry, kinds)]


def test_what_is_kept_is_not_done_again_and_the_rest_is(bridge: WatchedBridge, host: Host) -> None:
    host.start("chain", steps=4).run()
    new = rerun(host, bridge.journals[0], 3)
    (call,) = new.activities.values()
    assert json.loads(call.input)["id"] == 3
    assert new.run().result() == 4
    assert new.work_items == 3


def test_its_journal_goes_on_from_what_was_kept(bridge: WatchedBridge, host: Host) -> None:
    host.start("chain", steps=4).run()
    old = bridge.journals[0]
    new = rerun(host, old, 3)
    journal = recorded(new)
    first = journal[0]
    assert isinstance(first, WorkflowStarted)
    assert (first.run_id, first.seed, first.at_us) == ("run-2", "run-1", old[0].at_us)
    assert journal[1:] == old[1 : len(journal)]
    assert projected(new) == journal


@given(
    program=st.sampled_from([*PROGRAMS, *DARK]),
    seed=st.integers(0, 1_000_000),
    sdk=st.sampled_from([SDK, OTHER_SDK]),
    forgets=st.booleans(),
)
def test_the_projection_is_what_a_rerun_has_recorded(
    program: tuple[str, dict[str, Any]], seed: int, sdk: Any, forgets: bool
) -> None:
    bridges = [WatchedBridge(app, sdk=sdk) for _ in range(2)]
    host = Host(bridges[0], forgets=forgets).start(program[0], **program[1])
    chance = Random(seed)
    live(host, bridges, chance)
    journal = projected(host)
    ids = commands(journal)
    if host.status != "running" and ids:
        new = rerun(host, journal, chance.choice(ids))
        assert projected(new) == recorded(new)
        live(new, bridges, chance)
    assert not any(bridge.parked for bridge in bridges)
    for bridge in bridges:
        bridge.close()


def live(host: Host, bridges: Sequence[WatchedBridge], chance: Random) -> None:
    fate = Fate(host, bridges, chance)
    for _ in range(15):
        if host.status == "running" and fate.happen():
            assert without_holds(projected(host)) == without_holds(recorded(host))


def test_the_last_step_is_taken_anew(bridge: WatchedBridge, host: Host) -> None:
    host.start("leaving", policy="abandon", waits=True).run()
    journal = [*bridge.journals[0][:-1]]
    last = ChildStarted(
        at_us=journal[-1].at_us, id=3, workflow="echo", instance_id="x", arguments="{}"
    )
    ended = [*journal, last, Completed(at_us=last.at_us, result='"gone"')]
    new = rerun(host, ended, 3)
    assert new.result() == "gone"
    assert projected(new) == recorded(new)


def test_a_run_of_one_step_begins_anew_with_its_seed(bridge: WatchedBridge, host: Host) -> None:
    host.start("leaving", policy="abandon", waits=False)
    host.fire(min(host.timers)).execute()
    new = rerun(host, bridge.journals[0], 1)
    started = recorded(new)[0]
    assert isinstance(started, WorkflowStarted)
    assert (started.run_id, started.seed) == ("run-2", "run-1")
    assert projected(new) == recorded(new)


def test_a_worker_that_replays_goes_through_the_same(bridge: WatchedBridge, host: Host) -> None:
    host.start("timeouts", calls=3).run()
    new = rerun(host, bridge.journals[0], commands(bridge.journals[0])[-1])
    other = WatchedBridge(app)
    new.answer(min(new.activities)).execute(other)
    assert new.result() == 3
    assert projected(new) == recorded(new)
    other.close()


def test_a_timer_that_is_long_due_fires_at_once(bridge: WatchedBridge, host: Host) -> None:
    host.start("measuring", steps=2).run()
    host.now_us += 60_000_000
    new = rerun(host, bridge.journals[0], 2)
    assert new.status == "completed"
    assert projected(new) == recorded(new)


def test_an_open_child_runs_again_under_its_id(bridge: WatchedBridge, host: Host) -> None:
    host.start("hearing", fails=0)
    journal = recorded(host)
    new = rerun(host, journal, 1)
    ((old,), (again,)) = (host.children.values(), new.children.values())
    assert again.child_id == old.child_id
    start = decode_start(json.loads(again.input))
    assert start is not None
    assert start.parent is not None
    assert start.parent.run_id == "run-2"


def test_an_open_child_that_was_detached_is_detached_again() -> None:
    bridge = WatchedBridge(app, sdk=OTHER_SDK)
    host = Host(bridge).start("minding", child_id="bobby")
    new = rerun(host, recorded(host), 1)
    assert not new.children
    assert [call.name for call in new.activities.values()] == [START_CHILD]
    bridge.close()


def test_a_child_that_is_kept_and_outlives_is_not_started_again_at_the_end(
    bridge: WatchedBridge, host: Host
) -> None:
    host.start("leaving", policy="abandon", waits=True).run()
    journal = bridge.journals[0]
    last = ChildStarted(
        at_us=journal[-1].at_us, id=3, workflow="echo", instance_id="x", arguments="{}"
    )
    new = rerun(host, [*journal[:-1], last, journal[-1]], 3)
    assert new.result() == "gone"
    assert not new.children
    assert END_CHILDREN not in [call.name for call in new.activities.values()]


def test_the_time_that_it_may_take_is_its_own(bridge: WatchedBridge, host: Host) -> None:
    host.start("chain", steps=3).run()
    new = rerun(host, bridge.journals[0], 2, execution_timeout_us=5_000_000)
    started = recorded(new)[0]
    assert isinstance(started, WorkflowStarted)
    assert started.execution_deadline_us == new.now_us + 5_000_000
    assert projected(new) == recorded(new)


def test_a_prefix_that_cannot_be_read_parks_the_instance(bridge: WatchedBridge, host: Host) -> None:
    host.begin("chain", {"steps": 1}, prefix='{"k":"Nothing"}')
    assert host.status == "running"
    assert "journal" in bridge.parked[0][1]
