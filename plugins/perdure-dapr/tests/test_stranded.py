"""An instance whose start is stored and whose reminder is lost begins all the same."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure import BackendUnavailableError
from perdure.spi.remote import parked
from perdure_dapr.sidecar import Sidecar

if TYPE_CHECKING:
    from perdure_dapr.stack import DaprStack

pytestmark = pytest.mark.timeout(60)
_BUSY = BackendUnavailableError(backend="dapr", problem="database is locked (517)")


def make_app(stack: DaprStack) -> perdure.App:
    app = perdure.App("stranded", backend=stack.url)

    @app.workflow(name="stranded_end")
    async def end() -> str:
        return "ended"

    return app


@pytest.mark.parametrize("is_stored", [False, True])
async def test_a_start_that_fails_on_a_busy_store_is_made_once(
    dapr_stack: DaprStack, monkeypatch: pytest.MonkeyPatch, is_stored: bool
) -> None:
    start, calls = Sidecar.start, 0

    async def fail_first(self: Sidecar, instance_id: str, **options: Any) -> None:
        nonlocal calls
        calls += 1
        if calls > 1 or is_stored:
            await start(self, instance_id, **options)
        if calls == 1:
            raise _BUSY

    monkeypatch.setattr(Sidecar, "start", fail_first)
    app = make_app(dapr_stack)
    async with app.run() as client:
        handle = await client.start(app.workflows["stranded_end"])
        assert await handle.result(timeout=timedelta(seconds=20)) == "ended"
        with pytest.raises(perdure.InstanceAlreadyExistsError):
            await client.start(app.workflows["stranded_end"], instance_id=handle.instance_id)
    assert calls == (1 if is_stored else 2)


async def test_a_worker_wakes_what_has_not_begun_though_it_should(
    dapr_stack: DaprStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parked, "_BLANK_SECONDS", 0.3)
    monkeypatch.setattr(parked, "_SWEEP_SECONDS", 0.3)
    woken: list[str] = []
    state = Sidecar.state

    async def show_nothing(self: Sidecar, instance_id: str, **options: Any) -> Any:
        found = await state(self, instance_id, **options)
        if found is not None and instance_id == "stranded-blank":
            found.ClearField("name")
            found.workflowStatus = 6  # pending
        return found

    raise_event = Sidecar.raise_event

    async def note(self: Sidecar, instance_id: str, **options: Any) -> None:
        woken.append(instance_id)
        await raise_event(self, instance_id, **options)

    monkeypatch.setattr(Sidecar, "raise_event", note)
    app = make_app(dapr_stack)
    async with app.client() as client:
        handle = await client.start(app.workflows["stranded_end"], instance_id="stranded-blank")
        with monkeypatch.context() as patch:
            patch.setattr(Sidecar, "state", show_nothing)
            async with app.worker():
                for _ in range(100):
                    if woken:
                        break
                    await asyncio.sleep(0.05)
        assert "stranded-blank" in woken
        async with app.worker():
            assert await handle.result(timeout=timedelta(seconds=20)) == "ended"
