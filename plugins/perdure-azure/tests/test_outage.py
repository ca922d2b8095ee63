"""The scheduler goes away under load, and comes back: nothing is lost, and nobody is left alone."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure import BackendUnavailableError
from perdure.spi.remote import raising
from perdure.testing.hub import BackendHub
from perdure.testing.record import note
from perdure_azure import starting
from perdure_azure.conformance import make_target
from perdure_azure.stack import AzureStack, StackOptions
from perdure_azure.stack.build import PROGRAM
from tests.soak import either

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.timeout(240), pytest.mark.soak]

_AWAY_SECONDS = either(8.0, soak=60.0)
_INSTANCES = 54
_STEPS = 6
_PATIENCE = timedelta(seconds=90)
_BACK_SECONDS = 3.0

registry = perdure.Registry()


@registry.activity(name="outage_step")
async def step(record: str, label: str) -> str:
    note(record, label)
    await asyncio.sleep(0.3)
    return label


@registry.workflow(name="outage_chain")
async def chain(record: str, name: str) -> int:
    for number in range(_STEPS):
        await step(record, f"{name}/{number}")
    return _STEPS


@registry.workflow(name="outage_ticks")
async def ticks(record: str, name: str) -> int:
    for number in range(_STEPS):
        await asyncio.sleep(0.4)
        await step(record, f"{name}/{number}")
    return _STEPS


@registry.workflow(name="outage_hears")
async def hears(record: str, name: str) -> int:
    for number in range(_STEPS):
        assert await perdure.wait_for_event("number", int) == number
        await step(record, f"{name}/{number}")
    return _STEPS


SHAPES = (chain, ticks, hears)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[AzureStack]:
    """Return a stand-in that may be killed."""
    with AzureStack(tmp_path / "stack", StackOptions(throttle="off")) as stack:
        yield stack


class Load:
    """Instances of every shape, in flight."""

    def __init__(self, hub: BackendHub) -> None:
        self.hub = hub
        self.names = [f"n{n}" for n in range(_INSTANCES)]
        self.handles = [
            hub.start(SHAPES[n % len(SHAPES)], str(hub.record), name)
            for n, name in enumerate(self.names)
        ]

    @property
    def hearers(self) -> list[Any]:
        return self.handles[SHAPES.index(hears) :: len(SHAPES)]

    def send(self, numbers: range) -> None:
        for number in numbers:
            for handle in self.hearers:
                handle.raise_event("number", number)

    def assert_all_ends(self) -> None:
        assert [handle.result(timeout=_PATIENCE) for handle in self.handles] == [_STEPS] * len(
            self.handles
        )

    def assert_each_step_ran_once(self) -> None:
        expected = sorted(f"{name}/{n}" for name in self.names for n in range(_STEPS))
        assert sorted(self.hub.record.labels()) == expected


def test_all_ends_and_each_step_runs_once_though_the_scheduler_was_away(
    stack: AzureStack,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What keeps the SDK's log short also knows of outages before.
    monkeypatch.setattr(logging.getLogger("perdure.azure.sdk"), "filters", [])
    target = make_target(stack.url, folder=tmp_path)
    with BackendHub(target, registry, is_in_real_time=True) as hub:
        hub.run_worker()
        load = Load(hub)
        load.send(range(3))
        hub.until_recorded(_INSTANCES)
        stack.kill(PROGRAM)
        with caplog.at_level(logging.INFO):
            time.sleep(_AWAY_SECONDS)
            warnings = [each for each in caplog.records if each.levelno >= logging.WARNING]
        stack.start(PROGRAM)
        back_at = time.monotonic()
        ran = len(hub.record.entries())
        hub.until(lambda: len(hub.record.entries()) > ran, "no work after the outage")
        assert time.monotonic() - back_at < _BACK_SECONDS
        load.send(range(3, _STEPS))
        load.assert_all_ends()
        load.assert_each_step_ran_once()
    said = [each.getMessage() for each in warnings if each.name.startswith("perdure")]
    assert len(said) == 1, said
    assert "the scheduler is away" in said[0]


def test_a_worker_that_is_killed_meanwhile_costs_only_what_ran_in_it(
    stack: AzureStack, tmp_path: Path
) -> None:
    target = make_target(stack.url, folder=tmp_path)
    with BackendHub(target, registry, is_in_real_time=True) as hub:
        workers = [target.start_worker(f"{__name__}:registry") for _ in range(2)]
        load = Load(hub)
        load.send(range(_STEPS))
        hub.until_recorded(_INSTANCES)
        stack.kill(PROGRAM)
        workers[0].kill()
        cut_short = {each.label for each in hub.record.entries() if each.pid == workers[0].pid}
        stack.start(PROGRAM)
        target.start_worker(f"{__name__}:registry")
        load.assert_all_ends()
        labels = hub.record.labels()
    target.close()
    again = {label for label in labels if labels.count(label) > 1}
    assert again <= cut_short
    assert all(labels.count(label) == 2 for label in again)
    assert set(labels) == {f"{name}/{n}" for name in load.names for n in range(_STEPS)}


async def test_clients_that_call_meanwhile_get_through_once_it_is_back(stack: AzureStack) -> None:
    app = perdure.App("clients", backend=stack.url)

    @app.workflow(name="outage_hear_one")
    async def hear_one() -> int:
        return await perdure.wait_for_event("number", int)

    async with app.run() as client:
        waiting = await client.start(hear_one, instance_id="outage-waiting")
        ending = asyncio.ensure_future(waiting.result(timeout=_PATIENCE))
        async with away(stack, seconds=4.0):
            raising = asyncio.ensure_future(waiting.raise_event("number", 7))
            starting = asyncio.ensure_future(client.start(hear_one, instance_id="outage-started"))
            looking = asyncio.ensure_future(waiting.info())
        await raising
        started = await starting
        assert (await looking).instance_id == "outage-waiting"
        assert await ending == 7
        await started.raise_event("number", 8)
        assert await started.result(timeout=_PATIENCE) == 8


async def test_clients_that_call_while_it_stays_away_are_told_in_time(
    stack: AzureStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raising, "_PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr(starting, "_PATIENCE_SECONDS", 1.0)
    app = perdure.App("clients", backend=stack.url)
    async with app.client() as client:
        handle = await client.start("outage_unknown", arguments={}, instance_id="outage-known")
        await asyncio.to_thread(stack.kill, PROGRAM)
        began = time.monotonic()
        calls = (
            client.start("outage_unknown", arguments={}),
            handle.info(),
            handle.raise_event("number", 1),
            handle.suspend(),
        )
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert time.monotonic() - began < 20
        for outcome in outcomes:
            assert isinstance(outcome, BackendUnavailableError), outcome
            assert stack.target in str(outcome)
            assert "perdure stack up azure" in str(outcome)
        began = time.monotonic()
        with pytest.raises((TimeoutError, BackendUnavailableError)):
            await handle.wait(timeout=timedelta(seconds=1))
        assert time.monotonic() - began < 15
        await asyncio.to_thread(stack.start, PROGRAM)
        assert (await handle.info()).status is perdure.Status.PENDING


async def test_who_waits_outlives_an_outage_that_is_longer_than_a_call_may_take(
    stack: AzureStack, caplog: pytest.LogCaptureFixture
) -> None:
    app = perdure.App("waiting", backend=stack.url)

    @app.workflow(name="outage_wait")
    async def hear() -> int:
        return await perdure.wait_for_event("number", int)

    async with app.client() as client:
        handle = await client.start(hear)
        ending = asyncio.ensure_future(handle.result())
        async with app.worker():
            async with away(stack, seconds=12.0):
                pass
            await handle.raise_event("number", 5)
            assert await asyncio.wait_for(ending, 30) == 5
    told = [each for each in caplog.records if "still waiting" in each.getMessage()]
    assert len(told) <= 1


class away:
    """The scheduler is down within ``async with``, and for so long."""

    def __init__(self, stack: AzureStack, *, seconds: float) -> None:
        self._stack = stack
        self._seconds = seconds

    async def __aenter__(self) -> None:
        await asyncio.to_thread(self._stack.kill, PROGRAM)
        self._until = time.monotonic() + self._seconds

    async def __aexit__(self, *_: object) -> None:
        await asyncio.sleep(max(0.0, self._until - time.monotonic()))
        await asyncio.to_thread(self._stack.start, PROGRAM)
