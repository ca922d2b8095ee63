"""Opening an app: once or several times, at once or one after another, and after a failure."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure.app import App
from tests.client.doubles import MuteBackend
from tests.client.workflows import LIMIT, registry, twice

if TYPE_CHECKING:
    from pathlib import Path


def portals() -> int:
    return sum(thread.name.startswith("perdure-loop-") for thread in threading.enumerate())


async def test_what_is_open_at_once_shares_one_thread(app: App) -> None:
    async with app.worker(), app.client() as one, app.client() as other:
        assert portals() == 1
        await one.start(twice, 4, instance_id="shared")

        assert await other.get(twice, "shared").result(timeout=LIMIT) == 8
    assert portals() == 0


async def test_the_last_one_closes(app: App) -> None:
    async with app.client() as client:
        async with app.run():
            await client.start(twice, 1, instance_id="one")
            await client.get(twice, "one").wait(timeout=LIMIT)

        assert await client.get(twice, "one").result() == 2
    with pytest.raises(perdure.BackendUnavailableError, match="is closed"):
        await client.get(twice, "one").info()


async def test_a_second_worker_has_a_thread_of_its_own(app: App) -> None:
    async with app.worker(), app.worker():
        assert portals() == 2
        async with app.client() as client:
            handle = await client.start(twice, 4)
            assert await handle.result(timeout=LIMIT) == 8
    assert portals() == 0


def test_an_app_can_be_opened_again_and_again(app: App) -> None:
    for number in range(3):
        with app.run() as client:
            assert client.start(twice, number).result(timeout=LIMIT) == 2 * number
    assert portals() == 0


def test_threads_that_open_an_app_at_once_all_get_it(app: App) -> None:
    found: list[int] = []

    def use(number: int) -> None:
        with app.client() as client:
            found.append(client.start(twice, number).result(timeout=LIMIT))

    with app.run():
        threads = [threading.Thread(target=use, args=(it,)) for it in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == [0, 2, 4, 6, 8]


async def test_one_opening_cannot_be_entered_twice_at_once(app: App) -> None:
    running = app.client()
    async with running:
        with pytest.raises(RuntimeError, match="open already"):
            await running.__aenter__()


async def test_a_backend_that_cannot_be_opened_leaves_nothing_behind() -> None:
    backend = MuteBackend()
    app = App("broken", backend=lambda url, *, clock=None: backend)
    backend.open_error = perdure.BackendUnavailableError(backend="mute", problem="gone")

    with pytest.raises(perdure.BackendUnavailableError, match="gone"):
        async with app.client():
            pass
    assert portals() == 0

    backend.open_error = None
    async with app.client():
        assert backend.opened == 2
    assert backend.closed == 1


async def test_a_cancelled_opening_leaves_nothing_behind(app: App) -> None:
    async def use() -> None:
        async with app.run():
            await asyncio.sleep(60)

    for delay in (0, 0.001, 0.01):
        task = asyncio.ensure_future(use())
        await asyncio.sleep(delay)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert portals() == 0


async def test_a_backend_is_never_left_half_open() -> None:
    backend = MuteBackend()
    backend.open_seconds = 0.1
    app = App("slow", backend=lambda url, *, clock=None: backend)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02), app.client():
            pass

    assert (backend.opened, backend.closed) == (1, 1)


async def test_a_backend_that_does_not_open_in_time_is_unavailable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("perdure._session._OPEN_SECONDS", 0.02)
    backend = MuteBackend()
    backend.open_seconds = 0.1

    with pytest.raises(perdure.BackendUnavailableError, match="did not open within"):
        async with App("slow", backend=lambda url, *, clock=None: backend).client():
            pass


async def test_a_backend_that_does_not_close_hangs_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("perdure._session._STOP_SECONDS", 0.02)
    backend = MuteBackend()
    backend.close_hangs = True

    async with App("stuck", backend=lambda url, *, clock=None: backend).client():
        pass

    assert "did not stop within 0.02 s" in caplog.text
    assert portals() == 0


async def test_an_activity_that_is_given_up_may_hold_a_client(tmp_path: Path) -> None:
    app = App("held", backend=f"sqlite:///{tmp_path}/hub.db")
    begun = threading.Event()

    @app.activity
    async def hold() -> None:
        async with app.client():
            begun.set()
            await asyncio.sleep(60)

    @app.workflow
    async def outer() -> None:
        await hold()

    async with app.run(drain_timeout=timedelta()) as client:
        await client.start(outer)
        assert await asyncio.to_thread(begun.wait, 5)
    assert portals() == 0


async def test_an_async_activity_may_use_a_client_of_its_own_app(tmp_path: Path) -> None:
    app = App("nested", backend=f"sqlite:///{tmp_path}/hub.db")
    app.include(registry)

    @app.activity
    async def delegate(number: int) -> int:
        async with app.client() as client:
            handle = await client.start(twice, number)
            return await handle.result(timeout=LIMIT)

    @app.activity
    def delegate_in_thread(number: int) -> int:
        with app.client() as client:
            return client.start(twice, number).result(timeout=LIMIT)

    @app.workflow
    async def outer(number: int) -> list[int]:
        return [await delegate(number), await delegate_in_thread(number)]

    async with app.run() as client:
        assert await (await client.start(outer, 3)).result(timeout=LIMIT) == [6, 6]


def test_an_app_needs_a_name() -> None:
    with pytest.raises(ValueError, match="needs a name"):
        App("")


def test_a_backend_class_can_be_given_as_it_is() -> None:
    app = App("by-class", backend=MuteBackend)

    with app.client() as client:
        assert client.get(None, "x").instance_id == "x"


async def test_an_app_that_is_included_brings_its_workflows(app: App) -> None:
    other = App("other")

    @other.workflow
    async def from_other() -> str:
        return "other"

    app.include(other)
    async with app.run() as client:
        assert await (await client.start(from_other)).result(timeout=LIMIT) == "other"
