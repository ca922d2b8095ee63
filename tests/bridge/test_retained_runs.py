"""Runs kept in memory: user code runs once, and never over a history that has gone another way."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING

import pytest

from tests.bridge import programs
from tests.bridge.host import Host
from tests.bridge.programs import WatchedBridge, app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def make_bridge() -> Iterator[Callable[[int], WatchedBridge]]:
    """Make bridges that are closed in the end."""
    made: list[WatchedBridge] = []

    def make(retain: int) -> WatchedBridge:
        made.append(WatchedBridge(app, retain=retain))
        return made[-1]

    yield make
    for bridge in made:
        bridge.close()


@pytest.fixture(autouse=True)
def _forget() -> None:
    programs.passed.clear()


def test_the_code_of_a_run_in_memory_runs_once(host: Host) -> None:
    host.start("passing", steps=10).run()
    assert programs.passed == list(range(10))


@pytest.mark.parametrize("retain", [0, 1])
def test_a_worker_without_the_run_replays_its_history(
    make_bridge: Callable[[int], WatchedBridge], retain: int
) -> None:
    host = Host(make_bridge(retain)).start("passing", steps=6)
    for _ in range(6):
        host.answer(min(host.activities)).execute(make_bridge(retain))
    assert host.result() == 6


def test_after_a_lost_answer_the_code_goes_on_from_what_the_server_knows(host: Host) -> None:
    host.start("passing", steps=3)
    host.answer(min(host.activities)).execute(loses_answer=True)
    assert host.execute().run().result() == 3
    assert programs.passed == [0, 1, 0, 1, 2]  # the second work item has another instant


def test_a_lost_answer_after_which_somebody_else_went_on_is_undone(
    make_bridge: Callable[[int], WatchedBridge],
) -> None:
    ours, theirs = make_bridge(9), make_bridge(9)
    host = Host(ours).start("first_of", width=2)
    first, second = sorted(host.activities)
    host.answer(second).execute(ours, loses_answer=True)
    lost = host.inbox.pop()
    host.answer(first).execute(theirs)
    host.inbox.append(lost)
    host.raise_event("go", None).execute(ours)
    assert host.result() == [0, 1]


def test_a_run_too_many_is_torn_down_once_its_thread_goes_on(
    make_bridge: Callable[[int], WatchedBridge],
) -> None:
    bridge = make_bridge(0)
    Host(bridge, instance_id="a").start("cleaning")
    assert programs.passed == []
    Host(bridge, instance_id="b").start("cleaning")
    assert programs.passed == [-1]
    bridge.close()
    assert programs.passed == [-1, -1]


def test_teardown_happens_on_purpose_and_issues_no_command(host: Host) -> None:
    host.start("cleaning")
    host.bridge.close()
    assert programs.passed == [-1]
    assert len(host.activities) == 1


def test_an_instance_used_again_begins_anew(bridge: WatchedBridge) -> None:
    Host(bridge).start("chain", run_id="run-1", steps=9)
    assert Host(bridge).start("fan", run_id="run-2", width=2).run().result() == 3
    assert Host(bridge).start("fan", run_id="run-2", width=2).run().result() == 3


def test_the_garbage_collector_runs_no_user_code(bridge: WatchedBridge) -> None:
    Host(bridge).start("cleaning")
    collector = threading.Thread(target=gc.collect)
    collector.start()
    collector.join()
    assert programs.passed == []
    bridge.close()
    assert programs.passed == [-1]
