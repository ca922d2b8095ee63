"""Retries: the same schedule on every backend, each attempt after a durable timer."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry, RetryPolicy
from perdure.testing.contract.contract import Contract
from perdure.testing.record import note

if TYPE_CHECKING:
    from perdure.testing.hub import BackendHub

registry = Registry()


class HopelessError(Exception):
    """Trying again does not help."""


class WorseError(HopelessError):
    """Nor here."""


@registry.activity(name="retries_flaky")
async def flaky(record: str, failures: int, is_hopeless: bool) -> int:
    """Fail on the first attempts."""
    note(record, "attempt")
    attempt = perdure.current_activity().attempt
    if attempt <= failures:
        raise WorseError("again") if is_hopeless else ConnectionError("again")
    return attempt


@registry.workflow(name="retries_persist")
async def persist(
    record: str,
    failures: int,
    attempts: int = 4,
    interval_seconds: float = 0.001,
    most_seconds: float = 1e6,
    give_up_seconds: float | None = None,
    hopeless: str | None = None,
) -> dict[str, object]:
    """Retry as told, and tell what came of it."""
    policy = RetryPolicy(
        max_attempts=attempts,
        initial_interval=timedelta(seconds=interval_seconds),
        max_interval=timedelta(seconds=most_seconds),
        timeout=None if give_up_seconds is None else timedelta(seconds=give_up_seconds),
        non_retryable=() if hopeless is None else (hopeless,),
    )
    run = flaky.with_options(retry=policy)
    try:
        return {"result": await run(record, failures, hopeless is not None)}
    except perdure.ActivityError as error:
        return {"attempts": error.attempts, "type": error.failure.type}


@registry.workflow(name="retries_once")
async def once(record: str) -> None:
    """Leave the policy at its default."""
    await flaky(record, 1, False)


def _intervals(hub: BackendHub) -> list[timedelta]:
    began = [entry.began for entry in hub.record.entries()]
    return [after - before for before, after in itertools.pairwise(began)]


class Retries(Contract):
    """When and how often an activity is tried again."""

    registry = registry

    def test_an_activity_is_tried_until_it_succeeds(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(persist.bind(str(backend_hub.record), 2))
        backend_hub.let_pass(1)
        assert backend_hub.result(handle) == {"result": 3}
        entries = backend_hub.record.entries()
        assert [entry.attempt for entry in entries] == [1, 2, 3]
        assert len({entry.key for entry in entries}) == 1

    def test_the_limit_of_attempts_counts_the_first(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(persist.bind(str(backend_hub.record), 9, attempts=3))
        backend_hub.let_pass(1)
        assert backend_hub.result(handle) == {"attempts": 3, "type": "ConnectionError"}
        assert backend_hub.record.count("attempt") == 3

    def test_without_a_policy_there_is_one_attempt(self, backend_hub: BackendHub) -> None:
        with pytest.raises(perdure.WorkflowFailedError, match="again"):
            backend_hub.result(backend_hub.start(once, str(backend_hub.record)))
        assert backend_hub.record.count("attempt") == 1

    def test_waits_grow_up_to_their_limit_and_are_never_cut_short(
        self, backend_hub: BackendHub
    ) -> None:
        moment = backend_hub.moment / 2
        call = persist.bind(
            str(backend_hub.record),
            3,
            interval_seconds=moment.total_seconds(),
            most_seconds=moment.total_seconds() * 1.5,
        )
        handle = backend_hub.start(call)
        backend_hub.let_pass(2.5)
        assert backend_hub.result(handle) == {"result": 4}
        intervals = _intervals(backend_hub)
        expected = [moment, moment * 1.5, moment * 1.5]
        assert all(took >= due for took, due in zip(intervals, expected, strict=True)), intervals

    @pytest.mark.parametrize("name", [HopelessError.__qualname__, WorseError.__qualname__])
    def test_some_failures_are_never_tried_again(self, backend_hub: BackendHub, name: str) -> None:
        hopeless = f"{HopelessError.__module__}.{name}"
        handle = backend_hub.start(persist.bind(str(backend_hub.record), 1, hopeless=hopeless))
        backend_hub.let_pass(0.1)
        assert backend_hub.result(handle)["attempts"] == 1

    def test_no_attempt_begins_after_the_policy_has_timed_out(
        self, backend_hub: BackendHub
    ) -> None:
        seconds = backend_hub.moment.total_seconds()
        call = persist.bind(
            str(backend_hub.record),
            9,
            attempts=9,
            interval_seconds=seconds,
            give_up_seconds=seconds * 1.5,
        )
        handle = backend_hub.start(call)
        backend_hub.let_pass(2)
        assert backend_hub.result(handle)["attempts"] == 2
