"""Activities: they run once, their results and failures come back, and time limits hold."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import perdure
from perdure import Registry
from perdure.testing.contract.contract import Contract
from perdure.testing.record import note

if TYPE_CHECKING:
    from perdure.testing.hub import BackendHub

registry = Registry()
_PATIENCE_SECONDS = 10.0
_met: dict[str, int] = {}


class OutOfStockError(Exception):
    """A user's own error."""


@registry.activity(name="activities_note")
async def record_note(record: str, label: str) -> str:
    """Write down that it ran."""
    return note(record, label).key


@registry.activity(name="activities_note_in_a_thread")
def record_note_in_a_thread(record: str, label: str) -> str:
    """Write down that it ran, as plain code."""
    return note(record, label).key


@registry.activity(name="activities_sell")
async def sell(thing: str) -> None:
    """Fail with a cause."""
    try:
        raise KeyError(thing)
    except KeyError as error:
        raise OutOfStockError(f"no {thing} left") from error


@registry.activity(name="activities_meet")
async def meet(place: str, people: int) -> int:
    """Return once so many are here at the same time."""
    _met[place] = _met.get(place, 0) + 1
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while _met[place] < people:  # noqa: ASYNC110 - the others may be on another event loop
            await asyncio.sleep(0.005)
    return _met[place]


@registry.activity(name="activities_linger", timeout=timedelta(milliseconds=50))
async def linger() -> None:
    """Take longer than allowed."""
    await asyncio.sleep(_PATIENCE_SECONDS)


@registry.activity(name="activities_linger_in_a_thread", timeout=timedelta(milliseconds=50))
def linger_in_a_thread() -> None:
    """Take longer than allowed, as plain code, which cannot be stopped."""
    time.sleep(0.5)


@registry.workflow(name="activities_sequence")
async def sequence(record: str, count: int) -> list[str]:
    """Run one after the other."""
    keys = []
    for number in range(count):
        run = record_note if number % 2 else record_note_in_a_thread
        keys.append(await run(record, str(number)))
    return keys


@registry.workflow(name="activities_shop")
async def shop(thing: str) -> dict[str, object]:
    """Tell what a failure looks like from inside."""
    try:
        await sell(thing)
    except perdure.ActivityError as error:
        cause = error.failure.cause
        return {
            "type": error.failure.type,
            "message": error.failure.message,
            "is_ours": error.matches(OutOfStockError) and error.matches(Exception),
            "is_other": error.matches(ValueError),
            "traceback": error.failure.traceback,
            "cause": None if cause is None else cause.type,
            "attempts": error.attempts,
        }
    return {}


@registry.workflow(name="activities_party")
async def party(place: str, people: int) -> list[int]:
    """Let activities meet, which they can only if they run side by side."""
    return await asyncio.gather(*(meet(place, people) for _ in range(people)))


@registry.workflow(name="activities_hurry")
async def hurry() -> list[str]:
    """Tell how attempts end that take too long."""
    ends = []
    for run in (linger, linger_in_a_thread):
        try:
            await run()
        except perdure.ActivityTimeoutError as error:
            ends.append("timeout" if isinstance(error, TimeoutError) else "?")
    return ends


@registry.workflow(name="activities_give_up")
async def give_up(place: str) -> str:
    """Lose a race against a deadline, and go on."""
    late = asyncio.create_task(meet(place, 2))
    done, _ = await asyncio.wait([late], timeout=0)
    await meet(place, 2)
    return f"{len(done)} then {await late}"


class Activities(Contract):
    """What a workflow gets from its activities."""

    registry = registry

    def test_each_activity_of_a_sequence_runs_once_and_in_order(
        self, backend_hub: BackendHub
    ) -> None:
        handle = backend_hub.start(sequence, str(backend_hub.record), 6)
        assert len(backend_hub.result(handle)) == 6
        assert backend_hub.record.labels() == [str(number) for number in range(6)]

    def test_an_idempotency_key_is_of_instance_run_and_command(
        self, backend_hub: BackendHub
    ) -> None:
        handle = backend_hub.start(sequence, str(backend_hub.record), 4)
        keys = backend_hub.result(handle)
        prefix = f"{handle.instance_id}:{handle.info().run_id}:"
        assert len(set(keys)) == 4
        assert all(key.startswith(prefix) for key in keys)

    def test_a_failure_comes_as_data_with_type_message_traceback_and_cause(
        self, backend_hub: BackendHub
    ) -> None:
        seen = backend_hub.result(backend_hub.start(shop, "tea"))
        assert str(seen["type"]).endswith(".OutOfStockError")
        assert seen["message"] == "no tea left"
        assert (seen["is_ours"], seen["is_other"]) == (True, False)
        assert "OutOfStockError" in str(seen["traceback"])
        assert seen["cause"] == "KeyError"
        assert seen["attempts"] == 1

    def test_activities_of_one_workflow_run_side_by_side(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(party, backend_hub.new_id("place"), 5)
        assert backend_hub.result(handle) == [5] * 5

    def test_an_attempt_that_takes_too_long_is_given_up(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(hurry)
        assert backend_hub.result(handle) == ["timeout", "timeout"]

    def test_an_await_given_up_does_not_take_the_result_away(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(give_up, backend_hub.new_id("place"))
        assert backend_hub.result(handle) == "0 then 2"
