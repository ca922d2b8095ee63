"""The system clock: forward only, whatever the wall does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from perdure import clock as clock_module
from perdure.clock import SystemClock, from_us, to_us


class FakeTime:
    """Stands in for the module ``time``: a wall and a monotonic clock that a test sets."""

    def __init__(self) -> None:
        self.wall_seconds = 1_000_000
        self.monotonic_seconds = 500

    def time_ns(self) -> int:
        return self.wall_seconds * 1_000_000_000

    def monotonic_ns(self) -> int:
        return self.monotonic_seconds * 1_000_000_000


@pytest.fixture
def fake_time(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    fake = FakeTime()
    monkeypatch.setattr(clock_module, "time", fake)
    return fake


def test_follows_the_monotonic_clock_when_the_wall_is_set_back(fake_time: FakeTime) -> None:
    clock = SystemClock()
    fake_time.wall_seconds -= 3_600
    fake_time.monotonic_seconds += 5

    assert clock.now_us() == 1_000_005 * 1_000_000


def test_adopts_the_wall_when_it_was_set_forward(fake_time: FakeTime) -> None:
    clock = SystemClock()
    fake_time.wall_seconds += 3_600

    assert clock.now_us() == 1_003_600 * 1_000_000


def test_keeps_what_it_adopted_when_the_wall_goes_back_again(fake_time: FakeTime) -> None:
    clock = SystemClock()
    fake_time.wall_seconds += 3_600
    clock.now_us()
    fake_time.wall_seconds -= 3_600
    fake_time.monotonic_seconds += 1

    assert clock.now_us() == 1_003_601 * 1_000_000


async def test_calls_back_after_the_deadline_and_not_before() -> None:
    clock = SystemClock()
    rung = asyncio.Event()
    deadline_us = clock.now_us() + 20_000

    clock.call_at(deadline_us, rung.set)

    assert not rung.is_set()
    await rung.wait()
    assert clock.now_us() >= deadline_us


async def test_an_alarm_that_was_called_off_stays_silent() -> None:
    clock = SystemClock()
    rung: list[str] = []

    clock.call_at(clock.now_us(), lambda: rung.append("called off")).cancel()
    await asyncio.sleep(0.01)

    assert rung == []


async def test_a_deadline_that_a_jump_of_the_wall_passed_rings_within_a_nap(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_module, "_MAX_NAP_SECONDS", 0.01)
    clock = SystemClock()
    rung = asyncio.Event()
    clock.call_at(clock.now_us() + 3_600_000_000, rung.set)

    fake_time.wall_seconds += 3_600

    await asyncio.wait_for(rung.wait(), timeout=5)


def test_instants_survive_the_way_to_microseconds_and_back() -> None:
    instant = datetime(2026, 3, 29, 1, 30, 0, 123_457, tzinfo=timezone(timedelta(hours=2)))

    assert from_us(to_us(instant)) == instant
    assert from_us(to_us(instant)).tzinfo is UTC


def test_refuses_an_instant_without_a_time_zone() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        to_us(datetime(2026, 1, 1))  # noqa: DTZ001 - the case under test
