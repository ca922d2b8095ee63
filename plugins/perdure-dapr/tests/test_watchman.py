"""An instance that stands still since the sidecar has lost what it asked for is woken."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure_dapr import watchman
from perdure_dapr.sdk_executor import SdkExecutor
from perdure_dapr.sidecar import Sidecar

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure_dapr.stack import DaprStack

pytestmark = pytest.mark.timeout(60)


def make_app(stack: DaprStack) -> perdure.App:
    app = perdure.App("watched", backend=stack.url)

    @app.activity(name="watched_step")
    async def step(number: int) -> int:
        return number + 1

    @app.workflow(name="watched_steps")
    async def steps() -> int:
        return await step(await step(0))

    return app


class Losses:
    """Loses what some turns ask for, as when the answer to another attempt is taken for theirs."""

    def __init__(self, *turns: int) -> None:
        self._turns = turns
        self._execute = SdkExecutor.execute
        self.seen = 0

    def as_method(self) -> Callable[..., Any]:
        """Return what executes turns."""

        def execute(executor: Any, *args: Any, **options: Any) -> Any:
            result = self._execute(executor, *args, **options)
            self.seen += 1
            if self.seen in self._turns:
                result.actions = []
            return result

        return execute


@pytest.mark.parametrize("turns", [(1,), (2,), (1, 2, 3)])
async def test_what_a_turn_asked_for_and_was_lost_is_asked_for_again(
    dapr_stack: DaprStack, monkeypatch: pytest.MonkeyPatch, turns: tuple[int, ...]
) -> None:
    monkeypatch.setattr(watchman, "_QUIET_SECONDS", 0.5)
    losses = Losses(*turns)
    monkeypatch.setattr(SdkExecutor, "execute", losses.as_method())
    app = make_app(dapr_stack)
    async with app.run() as client:
        handle = await client.start(app.workflows["watched_steps"])
        assert await handle.result(timeout=timedelta(seconds=30)) == 2
    assert losses.seen > 3


async def test_without_the_watchman_it_would_stand_still(
    dapr_stack: DaprStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchman, "_QUIET_SECONDS", 1_000)
    losses = Losses(1)
    monkeypatch.setattr(SdkExecutor, "execute", losses.as_method())
    app = make_app(dapr_stack)
    async with app.run() as client:
        handle = await client.start(app.workflows["watched_steps"])
        with pytest.raises(TimeoutError):
            await handle.result(timeout=timedelta(seconds=3))
        await handle.terminate()


async def test_a_look_that_fails_is_made_again(
    dapr_stack: DaprStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchman, "_QUIET_SECONDS", 0.5)
    monkeypatch.setattr(SdkExecutor, "execute", Losses(1).as_method())
    read = Sidecar.events
    fails = 2

    async def events(self: Sidecar, instance_id: str) -> list[Any]:
        nonlocal fails
        if fails:
            fails -= 1
            raise perdure.BackendUnavailableError(backend="dapr", problem="it is away")
        return await read(self, instance_id)

    monkeypatch.setattr(Sidecar, "events", events)
    app = make_app(dapr_stack)
    async with app.run() as client:
        handle = await client.start(app.workflows["watched_steps"])
        assert await handle.result(timeout=timedelta(seconds=30)) == 2
    assert fails == 0


async def test_what_needs_no_further_look_is_not_remembered(
    dapr_stack: DaprStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchman, "_QUIET_SECONDS", 0.3)
    made: list[watchman.Watchman] = []
    begin = watchman.Watchman.__init__

    def keep(self: watchman.Watchman, *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        made.append(self)

    monkeypatch.setattr(watchman.Watchman, "__init__", keep)
    app = perdure.App("watched", backend=dapr_stack.url)

    @app.workflow(name="watched_listens")
    async def listen() -> None:
        await perdure.wait_for_event("go")

    async with app.run() as client:
        handle = await client.start(listen)
        assert await _comes_to_hold(lambda: handle.instance_id in made[0].watched)
        assert await _comes_to_hold(lambda: handle.instance_id not in made[0].watched)
        await handle.terminate()


async def _comes_to_hold(condition: Callable[[], bool]) -> bool:
    for _ in range(1_000):
        if condition():
            return True
        await asyncio.sleep(0.01)
    return False


async def test_an_instance_that_waits_as_it_should_is_left_alone(
    dapr_stack: DaprStack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watchman, "_QUIET_SECONDS", 0.3)
    app = perdure.App("watched", backend=dapr_stack.url)

    @app.workflow(name="watched_waits")
    async def wait() -> None:
        async with asyncio.timeout(3_600):
            await perdure.wait_for_event("go")

    async with app.run() as client:
        handle = await client.start(wait)
        await asyncio.sleep(2)
        assert len(await handle.history()) == 2  # its beginning, and the timer
        await handle.terminate()
    assert "woken" not in caplog.text
