"""Rolling restarts: workers and sidecars are replaced one after another while work goes on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure.testing.hub import BackendHub
from perdure.testing.record import note
from perdure_dapr.conformance import make_target
from perdure_dapr.stack import DaprStack, StackOptions

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(180)

registry = perdure.Registry()
_WORKER = f"{__name__}:registry"
_INSTANCES = 20
_STEPS = 25
_ROUNDS = 2


@registry.activity(name="rolling_step")
async def step(record: str, label: str) -> None:
    note(record, label)
    await asyncio.sleep(0.02)


@registry.workflow(name="rolling_chain")
async def chain(record: str, name: str) -> int:
    for number in range(_STEPS):
        await step(record, f"{name}/{number}")
    return _STEPS


def test_nothing_is_lost_or_done_again_while_all_are_replaced_under_load(tmp_path: Path) -> None:
    with DaprStack(tmp_path / "stack", StackOptions(sidecars=2)) as stack:
        target = make_target(stack.url, folder=tmp_path)
        others = make_target(stack.urls["daprd-2"], folder=tmp_path / "others")
        (tmp_path / "others").mkdir()
        try:
            with BackendHub(target, registry, is_in_real_time=True) as hub:
                crew = [each.start_worker(_WORKER) for each in (target, others)]
                record = str(hub.record)
                handles = [hub.start(chain, record, f"n{n}") for n in range(_INSTANCES)]
                for _ in range(_ROUNDS):
                    for number, each in enumerate((target, others)):
                        crew[number].stop()
                        crew[number] = each.start_worker(_WORKER)
                    for sidecar in stack.urls:
                        stack.stop(sidecar)
                        stack.start(sidecar)
                still_running = sum(not handle.info().status.is_terminal for handle in handles)
                for handle in handles:
                    assert handle.result(timeout=target.patience * 3) == _STEPS
                labels = hub.record.labels()
        finally:
            target.close()
            others.close()
    assert still_running, "the load was over before the restarts were"
    assert sorted(labels) == sorted(f"n{n}/{s}" for n in range(_INSTANCES) for s in range(_STEPS))
