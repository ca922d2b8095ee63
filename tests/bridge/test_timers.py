"""Timers: kept by the executor, with at most one armed for the earliest deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.spi.bridge import WAKE_EVENT

if TYPE_CHECKING:
    from tests.bridge.host import Host


def test_a_timer_that_fires_for_a_deadline_long_gone_arms_the_next(host: Host) -> None:
    host.start("timeouts", calls=3)
    host.answer(min(host.activities)).execute()
    host.now_us += 30_000_000
    host.answer(min(host.activities)).execute()
    (only,) = host.timers
    host.fire(only).execute()
    assert len(host.timers) == 1
    assert host.status == "running"


def test_a_timer_that_fires_too_early_is_armed_again(host: Host) -> None:
    host.start("impatient", seconds=60)
    id, deadline_us = host.timers.popitem()
    host.timers[id] = host.now_us
    host.fire(id).execute()
    assert host.status == "running"
    assert list(host.timers.values()) == [deadline_us]


def test_a_timer_fires_at_its_deadline(host: Host) -> None:
    host.start("retrying", fails=1)
    before_us = host.now_us
    host.answer(min(host.activities)).execute()
    (fire_at_us,) = host.timers.values()
    assert 1_000_000 <= fire_at_us - before_us < 1_010_000


def test_timers_of_a_fan_out_share_one(host: Host) -> None:
    host.start("sleeping", width=20)
    assert host.timers_created == 1
    assert host.run().result() == 20
    assert host.timers_created == 20


def test_one_that_a_server_has_lost_does_not_keep_the_next_from_being_armed(host: Host) -> None:
    host.start("sleeping", width=20)
    host.timers.clear()
    host.now_us += 66_000_000
    host.raise_event(WAKE_EVENT, None).execute()
    assert len(host.timers) == 1
    assert host.run().result() == 20


def test_one_that_is_only_late_is_not_armed_twice(host: Host) -> None:
    host.start("sleeping", width=20)
    host.now_us += 62_000_000
    host.raise_event(WAKE_EVENT, None).execute()
    assert len(host.timers) == 1
