"""Concurrency: many instances, many clients, many workers, and one truth."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import perdure
from perdure import Registry
from perdure.testing.contract.contract import Contract
from perdure.testing.record import note

if TYPE_CHECKING:
    from perdure.testing.hub import BackendHub

registry = Registry()
WORKER = f"{__name__}:registry"


@registry.activity(name="concurrency_double")
async def double(number: int) -> int:
    """Return the double."""
    return number * 2


@registry.activity(name="concurrency_note")
async def record_note(record: str, label: str) -> None:
    """Write down that it ran."""
    note(record, label)
    await asyncio.sleep(0.02)


@registry.workflow(name="concurrency_chain")
async def chain(number: int, steps: int) -> int:
    """Double again and again."""
    for _ in range(steps):
        number = await double(number)
    return number


@registry.workflow(name="concurrency_fan")
async def fan(width: int) -> list[int]:
    """Double many at once."""
    return await asyncio.gather(*(double(number) for number in range(width)))


@registry.workflow(name="concurrency_diary")
async def diary(record: str, name: str, steps: int) -> str:
    """Write down each step."""
    for number in range(steps):
        await record_note(record, f"{name}/{number}")
    return name


@registry.workflow(name="concurrency_collect")
async def collect(count: int) -> list[str]:
    """Take events."""
    return [await perdure.wait_for_event("word", str) for _ in range(count)]


class Concurrency(Contract):
    """What happens at the same time."""

    registry = registry

    def test_many_instances_do_not_mix(self, backend_hub: BackendHub) -> None:
        handles = [backend_hub.start(chain, number, 3) for number in range(60)]
        assert [backend_hub.result(handle) for handle in handles] == [n * 8 for n in range(60)]

    def test_a_wide_fan_out_keeps_every_result_in_its_place(self, backend_hub: BackendHub) -> None:
        assert backend_hub.result(backend_hub.start(fan, 200)) == [n * 2 for n in range(200)]

    def test_of_many_starts_of_one_id_one_wins(self, backend_hub: BackendHub) -> None:
        instance_id = backend_hub.new_id()

        def try_to_start(number: int) -> int | None:
            try:
                backend_hub.start(chain, number, 0, instance_id=instance_id)
            except perdure.InstanceAlreadyExistsError:
                return None
            return number

        with ThreadPoolExecutor(12) as pool:
            won = [each for each in pool.map(try_to_start, range(12)) if each is not None]
        assert len(won) == 1
        assert backend_hub.result(backend_hub.client.get(chain, instance_id)) == won[0]

    def test_all_who_attach_to_one_id_join_the_same_run(self, backend_hub: BackendHub) -> None:
        instance_id = backend_hub.new_id()

        def join(number: int) -> tuple[object, str]:
            handle = backend_hub.start(
                chain, number, 1, instance_id=instance_id, if_exists="attach"
            )
            return backend_hub.result(handle), handle.info().run_id

        with ThreadPoolExecutor(12) as pool:
            assert len(set(pool.map(join, range(12)))) == 1

    def test_events_of_many_senders_all_arrive_and_each_senders_in_order(
        self, backend_hub: BackendHub
    ) -> None:
        handle = backend_hub.start(collect, 40)

        def send(sender: str) -> None:
            for number in range(10):
                handle.raise_event("word", f"{sender}{number}")

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(send, "abcd"))
        words = backend_hub.result(handle)
        for sender in "abcd":
            of_one = [word for word in words if word.startswith(sender)]
            assert of_one == [f"{sender}{number}" for number in range(10)]

    def test_workers_on_one_hub_do_no_step_twice(self, process_hub: BackendHub) -> None:
        for _ in range(2):
            process_hub.start_worker(WORKER)
        record = str(process_hub.record)
        handles = [process_hub.start(diary, record, f"n{number}", 4) for number in range(8)]
        assert [process_hub.result(handle) for handle in handles] == [f"n{n}" for n in range(8)]
        labels = process_hub.record.labels()
        assert sorted(labels) == sorted(f"n{n}/{step}" for n in range(8) for step in range(4))

    def test_a_worker_takes_over_what_another_left_when_it_was_killed(
        self, process_hub: BackendHub
    ) -> None:
        first = process_hub.start_worker(WORKER)
        process_hub.start_worker(WORKER)
        record = str(process_hub.record)
        handles = [process_hub.start(diary, record, f"n{number}", 10) for number in range(6)]
        process_hub.until_recorded(7)
        first.kill()
        assert [process_hub.result(handle) for handle in handles] == [f"n{n}" for n in range(6)]
