"""Retries of activities: the executor's own, each attempt a command after a durable timer."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from perdure.errors import ActivityError, ActivityOutcomeUnknownError, ActivityTimeoutError
from perdure.spi.history import ActivityScheduled
from perdure.types import Failure, RetryPolicy
from tests.replay.stage import Stage, act

if TYPE_CHECKING:
    from tests.replay.conftest import Begin


class RefusedError(Exception):
    pass


class CardRefusedError(RefusedError):
    pass


def attempts(stage: Stage) -> list[ActivityScheduled]:
    return [entry for entry in stage.journal if isinstance(entry, ActivityScheduled)]


def fail_on(stage: Stage, error: BaseException, *, times: int) -> Stage:
    for _ in range(times):
        stage.fail("a", error).advance(1_000)
    return stage


def test_a_failed_attempt_is_followed_by_a_timer_and_then_another(begin: Begin) -> None:
    async def run() -> Any:
        return await act("a", 7, retry=RetryPolicy(max_attempts=3))

    stage = begin(run).fail("a", ValueError("no"))

    assert stage.new_commands == ["timer 1"]
    assert stage.advance(1).new_commands == ["a #2"]
    assert stage.complete("a", "yes").result == "yes"


def test_attempts_share_one_key_and_the_arguments_of_the_first(begin: Begin) -> None:
    async def run() -> Any:
        values = [1]
        policy = RetryPolicy(max_attempts=2)
        try:
            return await act("a", values, retry=policy)
        finally:
            values.append(2)

    stage = begin(run).fail("a", ValueError("no")).advance(1)

    first, second = attempts(stage)
    assert (first.id, second.id) == (1, 3)
    assert first.key_id == second.key_id == 1
    assert first.arguments == second.arguments == "[[1]]"


def test_intervals_grow_up_to_the_longest(begin: Begin) -> None:
    policy = RetryPolicy(
        max_attempts=6,
        initial_interval=timedelta(seconds=2),
        backoff=3,
        max_interval=timedelta(seconds=20),
    )

    async def run() -> Any:
        return await act("a", retry=policy)

    stage = begin(run)
    waits = []
    for _ in range(5):
        failed_us = stage.now_us
        stage.fail("a", ValueError("no"))
        deadline_us = stage.executor.next_deadline_us()
        assert deadline_us is not None
        waits.append((deadline_us - failed_us) / 1_000_000)
        stage.advance(waits[-1])

    assert waits == [2, 6, 18, 20, 20]


def test_the_last_failure_is_raised_with_its_number_of_attempts(begin: Begin) -> None:
    async def run() -> Any:
        try:
            await act("a", retry=RetryPolicy(max_attempts=2))
        except ActivityError as error:
            return [error.activity, error.attempts, error.failure.type, error.failure.message]

    stage = fail_on(begin(run), ValueError("no"), times=2)

    assert stage.result == ["a", 2, "ValueError", "no"]


def test_a_single_attempt_is_not_tried_again(begin: Begin) -> None:
    async def run() -> Any:
        await act("a", retry=RetryPolicy.none())

    assert begin(run).fail("a", ValueError("no")).failure.matches(ActivityError)


@pytest.mark.parametrize("refused", [RefusedError, "tests.replay.test_retries.RefusedError"])
def test_what_must_not_be_retried_is_raised_at_once(begin: Begin, refused: Any) -> None:
    async def run() -> Any:
        await act("a", retry=RetryPolicy(max_attempts=9, non_retryable=(refused,)))

    # Derived classes count too, by name: nothing was unpickled.
    stage = begin(run).fail("a", CardRefusedError("broke"))

    assert stage.new_commands == ["Failed"]


def test_no_attempt_starts_after_the_policys_timeout(begin: Begin) -> None:
    policy = RetryPolicy(
        max_attempts=9, initial_interval=timedelta(seconds=4), timeout=timedelta(seconds=13)
    )

    async def run() -> Any:
        await act("a", retry=policy)

    stage = begin(run).fail("a", ValueError("no")).advance(4).fail("a", ValueError("no"))
    assert stage.new_commands == ["timer 12"]

    assert stage.advance(8).fail("a", ValueError("no")).new_commands == ["Failed"]


def test_an_unknown_outcome_is_never_tried_again(begin: Begin) -> None:
    async def run() -> Any:
        with pytest.raises(ActivityOutcomeUnknownError):
            await act("a", retry=RetryPolicy(max_attempts=9), delivery="at_most_once")
        return "unknown"

    stage = begin(run).fail(
        "a", Failure(type="perdure.errors.ActivityOutcomeUnknownError", message="")
    )

    assert stage.result == "unknown"
    assert attempts(stage)[0].delivery == "at_most_once"


def test_an_attempt_that_took_too_long_is_raised_as_a_timeout(begin: Begin) -> None:
    async def run() -> Any:
        with pytest.raises(ActivityTimeoutError) as caught:
            await act("a", timeout=timedelta(seconds=1.5))
        return isinstance(caught.value, TimeoutError)

    stage = begin(run).fail("a", Failure(type="perdure.errors.ActivityTimeoutError", message=""))

    assert stage.result is True
    assert attempts(stage)[0].timeout_us == 1_500_000


def test_jitter_lengthens_waits_by_up_to_its_share_the_same_on_every_replay(begin: Begin) -> None:
    policy = RetryPolicy(max_attempts=9, initial_interval=timedelta(seconds=10), jitter=0.5)

    async def run() -> Any:
        await act("a", retry=policy)

    def waits(seed: str) -> list[str]:
        return fail_on(begin(run, seed=seed), ValueError("no"), times=1).commands[1:2]

    assert waits("one") == waits("one") != waits("two")
    assert 10 < float(waits("one")[0].removeprefix("timer ")) < 15


def test_an_interval_of_no_time_needs_no_timer(begin: Begin) -> None:
    async def run() -> Any:
        return await act("a", retry=RetryPolicy(max_attempts=2, initial_interval=timedelta()))

    stage = begin(run).fail("a", ValueError("no"))

    assert stage.new_commands == ["a #2"]
    assert stage.complete("a", 1).result == 1


def test_a_wait_before_a_retry_that_is_given_up_ends_the_retries(begin: Begin) -> None:
    async def run() -> Any:
        try:
            async with asyncio.timeout(0.5):
                await act("a", retry=RetryPolicy(max_attempts=9))
        except TimeoutError:
            return await act("b")

    stage = begin(run).fail("a", ValueError("no")).advance(0.5)

    assert stage.open == ["b"]
    assert stage.executor.next_deadline_us() is None
    assert stage.complete("b", 1).result == 1
