"""An instance that stands still since the sidecar has lost what it asked for is woken."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure_dapr import watchman
from perdure_dapr.sdk_executor import SdkExecutor

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
