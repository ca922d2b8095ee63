"""The manual clock: it moves only when told, and rings in order."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from perdure.testing.manual_clock import ManualClock

HOUR_US = 3_600_000_000


def test_shows_the_instant_it_was_started_at() -> None:
    start = datetime(2030, 5, 1, 12, tzinfo=UTC)

    assert ManualClock(start).now == start


def test_rings_what_is_due_in_the_order_of_deadlines(manual_clock: ManualClock) -> None:
    rung: list[str] = []
    begin = manual_clock.now_us()
    manual_clock.call_at(begin + 2 * HOUR_US, lambda: rung.append("second"))
    manual_clock.call_at(begin + HOUR_US, lambda: rung.append("first"))
    manual_clock.call_at(begin + 2 * HOUR_US, lambda: rung.append("third"))
    manual_clock.call_at(begin + 3 * HOUR_US, lambda: rung.append("not yet"))

    manual_clock.move_to(begin + 2 * HOUR_US)

    assert rung == ["first", "second", "third"]
    assert manual_clock.next_deadline_us() == begin + 3 * HOUR_US


def test_an_alarm_called_off_by_an_earlier_one_stays_silent(manual_clock: ManualClock) -> None:
    rung: list[str] = []
    begin = manual_clock.now_us()
    late = manual_clock.call_at(begin + 2, lambda: rung.append("late"))
    manual_clock.call_at(begin + 1, late.cancel)

    manual_clock.move_to(begin + 2)

    assert rung == []
    assert manual_clock.next_deadline_us() is None


async def test_an_alarm_that_is_due_already_rings_in_the_next_round() -> None:
    clock = ManualClock()
    rung: list[str] = []

    clock.call_at(clock.now_us(), lambda: rung.append("due"))

    assert rung == []
    await asyncio.sleep(0)
    assert rung == ["due"]


def test_refuses_to_go_back(manual_clock: ManualClock) -> None:
    with pytest.raises(ValueError, match="cannot go back"):
        manual_clock.move_to(manual_clock.now_us() - 1)


def test_an_alarm_sees_the_new_instant(manual_clock: ManualClock) -> None:
    seen: list[datetime] = []
    begin = manual_clock.now
    deadline_us = manual_clock.now_us() + HOUR_US
    manual_clock.call_at(deadline_us, lambda: seen.append(manual_clock.now))

    manual_clock.move_to(deadline_us)

    assert seen == [begin + timedelta(hours=1)]
