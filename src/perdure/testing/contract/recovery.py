"""Recovery: workers and servers die by SIGKILL, and nothing is lost, doubled or done again."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry, SyncHandle
from perdure.testing.contract.contract import Contract
from perdure.testing.crash_points import CrashPoint
from perdure.testing.record import note

if TYPE_CHECKING:
    from perdure.testing.hub import BackendHub

registry = Registry()
WORKER = f"{__name__}:registry"
_STEPS = 6
_KILLS = 4


@registry.activity(name="recovery_step")
async def step(record: str, label: str) -> str:
    """Write down that it ran."""
    note(record, label)
    await asyncio.sleep(0.02)
    return label


@registry.activity(name="recovery_careful_step", delivery="at_most_once")
async def careful_step(record: str, label: str) -> str:
    """Write down that it ran; it must not run twice."""
    note(record, label)
    return label


@registry.workflow(name="recovery_chain")
async def chain(record: str, name: str) -> list[str]:
    """Run one activity after the other."""
    return [await step(record, f"{name}/{number}") for number in range(_STEPS)]


@registry.workflow(name="recovery_fan")
async def fan(record: str, name: str) -> list[str]:
    """Run activities side by side, and a child."""
    one = await asyncio.gather(*(step(record, f"{name}/a{number}") for number in range(4)))
    return [*one, *await chain(record, f"{name}/child")]


@registry.workflow(name="recovery_listen")
async def listen(record: str, name: str) -> list[int]:
    """Take events, and do something after each."""
    taken = []
    for number in range(_STEPS):
        taken.append(await perdure.wait_for_event("number", int))
        await step(record, f"{name}/{number}")
    return taken


@registry.activity(
    name="recovery_flaky_step",
    retry=perdure.RetryPolicy(max_attempts=_STEPS, initial_interval=timedelta(milliseconds=20)),
)
async def flaky_step(record: str, name: str) -> str:
    """Write down each attempt, and fail until the last one."""
    attempt = perdure.current_activity().attempt
    note(record, f"{name}/{attempt}")
    if attempt < _STEPS:
        raise ConnectionError("again")
    return name


@registry.workflow(name="recovery_persist")
async def persist(record: str, name: str) -> str:
    """Run an activity that fails at first."""
    return await flaky_step(record, name)


@registry.workflow(name="recovery_generations")
async def generations(record: str, name: str, number: int = 0) -> int:
    """Begin again after each step."""
    await step(record, f"{name}/{number}")
    if number + 1 < _STEPS:
        perdure.continue_as_new(record, name, number + 1)
    return number


@registry.workflow(name="recovery_nap")
async def nap(seconds: float) -> float:
    """Sleep, and tell how long that took."""
    began = perdure.now()
    perdure.set_custom_status("asleep")
    await asyncio.sleep(seconds)
    return (perdure.now() - began).total_seconds()


@registry.workflow(name="recovery_careful")
async def careful(record: str) -> str:
    """Tell what came of an activity that runs at most once."""
    try:
        return await careful_step(record, "careful")
    except perdure.ActivityOutcomeUnknownError:
        return "unknown"


def _assert_nothing_done_again(hub: BackendHub, kills: int) -> None:
    """Assert that no step ran after its successor had begun, and that repetitions had one key."""
    keys = defaultdict(set)
    began = defaultdict(list)
    for entry in hub.record.entries():
        keys[entry.label].add(entry.key)
        name, _, number = entry.label.rpartition("/")
        if number.isdecimal():
            began[name].append(int(number))
    assert all(len(each) == 1 for each in keys.values()), keys
    assert all(numbers == sorted(numbers) for numbers in began.values()), began
    assert all(hub.record.count(label) <= kills + 1 for label in keys)


def _start_all(hub: BackendHub, count: int) -> dict[SyncHandle[object], object]:
    """Start instances of all kinds, and return what each must return in the end."""
    expected: dict[SyncHandle[object], object] = {}
    record = str(hub.record)
    for number in range(count):
        name = f"n{number}"
        links = [f"{name}/{step}" for step in range(_STEPS)]
        expected[hub.start(chain, record, name)] = links
        name = f"f{number}"
        first = [f"{name}/a{each}" for each in range(4)]
        second = [f"{name}/child/{each}" for each in range(_STEPS)]
        expected[hub.start(fan, record, name)] = first + second
        expected[hub.start(persist, record, f"p{number}")] = f"p{number}"
        expected[hub.start(generations, record, f"g{number}")] = _STEPS - 1
        listener = hub.start(listen, record, f"l{number}")
        for each in range(_STEPS):
            listener.raise_event("number", each)
        expected[listener] = list(range(_STEPS))
    return expected


class WorkerRecovery(Contract):
    """What the death of workers must not do."""

    registry = registry

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_nothing_is_lost_or_done_again_when_workers_die_at_any_point(
        self, process_hub: BackendHub, seed: int
    ) -> None:
        random = Random(seed)
        expected = _start_all(process_hub, 2)
        for _ in range(_KILLS):
            point = CrashPoint.draw(random)
            worker = process_hub.start_worker(WORKER, environment=point.environment)
            deadline = time.monotonic() + 2
            while not worker.has_ended and time.monotonic() < deadline:
                time.sleep(0.01)
            worker.kill()
        process_hub.start_worker(WORKER)
        for handle, result in expected.items():
            assert process_hub.result(handle) == result
        _assert_nothing_done_again(process_hub, _KILLS)

    def test_an_activity_whose_result_nobody_heard_of_runs_again_under_the_same_key(
        self, process_hub: BackendHub
    ) -> None:
        handle = process_hub.start(chain, str(process_hub.record), "n")
        point = CrashPoint(place="activity-ended", count=3)
        worker = process_hub.start_worker(WORKER, environment=point.environment)
        worker.wait(process_hub.target.patience)
        assert worker.was_killed, worker.read_log()
        process_hub.start_worker(WORKER)
        assert len(process_hub.result(handle)) == _STEPS
        # Or it is not run again, where workers keep a record of results on their host.
        assert process_hub.record.count("n/2") in {1, 2}
        _assert_nothing_done_again(process_hub, 1)

    def test_an_activity_that_may_run_once_does_not_run_twice(
        self, process_hub: BackendHub
    ) -> None:
        handle = process_hub.start(careful, str(process_hub.record))
        point = CrashPoint(place="activity-ended")
        worker = process_hub.start_worker(WORKER, environment=point.environment)
        worker.wait(process_hub.target.patience)
        process_hub.start_worker(WORKER)
        assert process_hub.result(handle) in {"unknown", "careful"}
        assert process_hub.record.count("careful") == 1

    def test_a_timer_that_came_due_while_no_worker_lived_fires_and_not_before(
        self, process_hub: BackendHub
    ) -> None:
        seconds = process_hub.moment.total_seconds() * 2
        handle = process_hub.start(nap, seconds)
        worker = process_hub.start_worker(WORKER)
        process_hub.until_shows(handle, "asleep")
        worker.kill()
        process_hub.let_pass(2)
        assert process_hub.end_or_none(handle) is None
        process_hub.start_worker(WORKER)
        assert process_hub.result(handle) >= seconds

    def test_events_raised_while_no_worker_lives_are_kept(self, process_hub: BackendHub) -> None:
        handle = process_hub.start(listen, str(process_hub.record), "l")
        worker = process_hub.start_worker(WORKER)
        handle.raise_event("number", 0)
        process_hub.until_recorded(1)
        worker.kill()
        for number in range(1, _STEPS):
            handle.raise_event("number", number)
        process_hub.start_worker(WORKER)
        assert process_hub.result(handle) == list(range(_STEPS))

    def test_a_worker_that_is_told_to_stop_ends_cleanly_and_another_goes_on(
        self, process_hub: BackendHub
    ) -> None:
        expected = _start_all(process_hub, 1)
        worker = process_hub.start_worker(WORKER)
        process_hub.until_recorded(3)
        worker.stop()
        process_hub.start_worker(WORKER)
        for handle, result in expected.items():
            assert process_hub.result(handle) == result
        labels = process_hub.record.labels()
        assert len(labels) == len(set(labels)), "a drained worker lets what runs end"


class ServerRecovery(Contract):
    """What the death of the server must not do, where there is one."""

    registry = registry

    def test_nothing_is_lost_or_done_again_when_the_server_dies(
        self, process_hub: BackendHub
    ) -> None:
        server = process_hub.target.server
        if server is None:
            pytest.skip("no server")
        process_hub.start_worker(WORKER)
        expected = _start_all(process_hub, 2)
        for kills in range(1, 3):
            process_hub.until_recorded(kills * 3)
            server.kill()
            server.start()
        for handle, result in expected.items():
            assert process_hub.result(handle) == result
        # The worker has lived, so it knows what it has done, and is asked twice for nothing.
        _assert_nothing_done_again(process_hub, 0)
