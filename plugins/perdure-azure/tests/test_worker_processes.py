"""Several worker processes on one hub: they share the work, and take over from one that dies."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure.testing.hub import BackendHub
from perdure.testing.record import note
from perdure_azure.conformance import make_target

if TYPE_CHECKING:
    from pathlib import Path

    from perdure_azure.stack import AzureStack

pytestmark = pytest.mark.timeout(120)

registry = perdure.Registry()


@registry.activity(name="worker_note")
async def write(record: str, label: str) -> int:
    note(record, label)
    await asyncio.sleep(0.05)
    return 1


@registry.workflow(name="worker_fan")
async def fan(record: str, name: str, width: int) -> int:
    return sum(await asyncio.gather(*(write(record, f"{name}/{n}") for n in range(width))))


def test_two_processes_share_the_work(azure_stack: AzureStack, tmp_path: Path) -> None:
    target = make_target(azure_stack.url, folder=tmp_path)
    with BackendHub(target, registry) as hub:
        workers = [target.start_worker(f"{__name__}:registry") for _ in range(2)]
        record = str(hub.record)
        handles = [hub.start(fan, record, f"n{n}", 10) for n in range(20)]
        assert [hub.result(handle) for handle in handles] == [10] * 20
        entries = hub.record.entries()
    target.close()
    assert sorted(each.label for each in entries) == sorted(
        f"n{n}/{m}" for n in range(20) for m in range(10)
    )
    assert {each.pid for each in entries} == {worker.pid for worker in workers}


def test_a_second_worker_takes_over_from_one_that_is_killed(
    azure_stack: AzureStack, tmp_path: Path
) -> None:
    target = make_target(azure_stack.url, folder=tmp_path)
    with BackendHub(target, registry) as hub:
        first = target.start_worker(f"{__name__}:registry")
        handles = [hub.start(fan, str(hub.record), f"n{n}", 20) for n in range(20)]
        hub.until_recorded(1)
        target.start_worker(f"{__name__}:registry")
        first.kill()
        assert [hub.result(handle) for handle in handles] == [20] * 20
        keys = {each.key for each in hub.record.entries()}
    target.close()
    assert len(keys) == 400
