"""The watchdog: it stops a step that never ends, and never hits what is not a step."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from perdure.embedded.watchdog import Watchdog
from perdure.errors import ForbiddenInWorkflowError
from perdure.types import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator


def burn(cpu_seconds: float) -> None:
    """Compute in this thread for so long."""
    end = time.thread_time() + cpu_seconds
    while time.thread_time() < end:
        pass


@pytest.fixture
def watchdog() -> Iterator[Watchdog]:
    """A watchdog of this thread with little patience."""
    watchdog = Watchdog(limit_seconds=0.05)
    yield watchdog
    watchdog.stop()


def test_short_step_returns_its_result(watchdog: Watchdog) -> None:
    assert watchdog.run(lambda: 42, instance_id="a") == 42


def test_error_of_a_step_passes_through(watchdog: Watchdog) -> None:
    with pytest.raises(ZeroDivisionError):
        watchdog.run(lambda: 1 / 0, instance_id="a")


def test_endless_step_is_stopped(watchdog: Watchdog, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ForbiddenInWorkflowError) as caught:
        watchdog.run(lambda: burn(20), instance_id="a")
    watchdog.stop()
    assert "more than 0.05 s without an await" in str(caught.value)
    assert "activity" in str(caught.value)
    failure = Failure.from_exception(caught.value)
    assert failure.type == "perdure.errors.ForbiddenInWorkflowError"
    assert "burn" in caplog.text
    assert caplog.records[0].__dict__["instance_id"] == "a"


def test_next_step_starts_with_the_whole_limit(watchdog: Watchdog) -> None:
    for _ in range(5):
        watchdog.run(lambda: burn(0.03), instance_id="a")
    with pytest.raises(ForbiddenInWorkflowError):
        watchdog.run(lambda: burn(20), instance_id="b")
    watchdog.run(lambda: burn(0.03), instance_id="c")


def test_step_that_waits_uses_no_cpu_time_and_is_left_alone(watchdog: Watchdog) -> None:
    watchdog.run(lambda: time.sleep(0.2), instance_id="a")


def test_code_between_steps_may_compute(watchdog: Watchdog) -> None:
    watchdog.run(lambda: None, instance_id="a")
    burn(0.2)


def test_workflow_that_catches_everything_is_hit_again(watchdog: Watchdog) -> None:
    hits: list[BaseException] = []

    def stubborn() -> None:
        while len(hits) < 3:
            try:
                burn(20)
            except BaseException as error:  # noqa: BLE001 - what is tested
                hits.append(error)

    watchdog.run(stubborn, instance_id="a")
    assert [type(hit).__name__ for hit in hits] == ["ForbiddenInWorkflowError"] * 3


@pytest.fixture
def _eager_threads() -> Iterator[None]:
    """Let the watchdog interrupt at once: by default it has to wait for 5 ms."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("_eager_threads")
def test_nothing_outside_a_step_is_ever_hit() -> None:
    """Steps end as close to the limit as can be, so that some are hit on their very last moment."""
    watchdog = Watchdog(limit_seconds=0.0005)
    inside = outside = returned = 0
    end = time.monotonic() + 3
    while time.monotonic() < end:
        try:
            try:
                watchdog.run(partial(burn, 0.0004 + 0.00005 * (returned % 10)), instance_id="a")
                returned += 1
            except ForbiddenInWorkflowError:
                inside += 1
            burn(0.0001)
        except ForbiddenInWorkflowError:
            outside += 1
    watchdog.stop()
    assert outside == 0
    assert inside > 50
    assert returned > 50


def test_exception_that_is_under_way_when_the_step_ends_is_called_off(
    watchdog: Watchdog, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised = threading.Event()
    real = Watchdog._leave

    def leave(self: Watchdog) -> None:
        # Within C code nothing is delivered: here the watchdog fires, and only then the step ends.
        if not raised.is_set():
            raised.set()
            with pytest.raises(ForbiddenInWorkflowError):
                burn(20)
        real(self)

    monkeypatch.setattr(Watchdog, "_leave", leave)
    watchdog.run(lambda: None, instance_id="a")
    burn(0.2)


def test_stop_may_be_called_twice() -> None:
    watchdog = Watchdog()
    watchdog.stop()
    watchdog.stop()


async def test_activity_that_blocks_the_loop_is_named(caplog: pytest.LogCaptureFixture) -> None:
    watchdog = Watchdog(limit_seconds=0.5, loop=asyncio.get_running_loop())
    await asyncio.sleep(0.3)
    assert caplog.records == []
    with caplog.at_level(logging.WARNING):
        time.sleep(1.5)  # noqa: ASYNC251 - what is tested
    watchdog.stop()
    assert len(caplog.records) == 1
    assert "blocked for over 1 s" in caplog.text
    assert "test_activity_that_blocks_the_loop_is_named" in caplog.text
