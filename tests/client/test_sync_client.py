"""The sync client: the same as the async one, from plain code and from any thread."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure.client import Client
from perdure.handle import WorkflowHandle
from perdure.sync_client import SyncClient, SyncHandle
from tests.client.workflows import LIMIT, Order, approval, approve, five, place, refuse, twice

if TYPE_CHECKING:
    from perdure.app import App


def test_a_whole_life_in_plain_code(app: App) -> None:
    with app.run() as client:
        handle = client.start(approve, instance_id="plain")
        with pytest.raises(TimeoutError, match="'plain'"):
            handle.result(timeout=timedelta(milliseconds=50))
        handle.suspend()
        handle.resume()
        handle.raise_event(approval, True)

        assert handle.result(timeout=LIMIT) is True
        assert handle.wait().status is handle.info().status
        assert [info.instance_id for info in client.list()] == ["plain"]
        assert handle.history()
        handle.purge()
        assert list(client.list()) == []


def test_errors_are_those_of_the_async_client(app: App) -> None:
    with app.run() as client:
        with pytest.raises(perdure.WorkflowFailedError, match="no funds"):
            client.start(refuse, "no funds").result(timeout=LIMIT)
        with pytest.raises(perdure.InvalidInstanceIdError):
            client.get(five, "a/b")
        with pytest.raises(perdure.InstanceNotFoundError):
            client.get(five, "nobody").cancel()
        handle = client.start(approve)
        handle.terminate(reason="enough")
        with pytest.raises(perdure.WorkflowTerminatedError, match="enough"):
            handle.result(timeout=LIMIT)


def test_pages_come_by_themselves(app: App) -> None:
    with app.client() as client:
        for number in range(5):
            client.start(five, instance_id=f"five-{number}")

        first = next(iter(client.list(page_size=2)))
        assert first.instance_id == "five-4"
        assert len(list(client.list(page_size=2))) == 5


def test_purges_in_bulk(app: App) -> None:
    with app.run() as client:
        for handle in [client.start(five) for _ in range(3)]:
            handle.wait(timeout=LIMIT)

        assert client.purge(name="five") == 3


def test_a_typed_handle_from_elsewhere(app: App) -> None:
    with app.run() as client:
        client.start(place, Order(number=1), 2, instance_id="order")

        assert client.get(place, "order").result(timeout=LIMIT) == [Order(number=1)] * 2


def test_many_threads_may_share_one_client(app: App) -> None:
    results: list[int] = []

    def use(client: SyncClient, number: int) -> None:
        results.append(client.start(twice, number).result(timeout=LIMIT))

    with app.run() as client:
        threads = [threading.Thread(target=use, args=(client, it)) for it in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(results) == [0, 2, 4, 6, 8, 10, 12, 14]


async def test_works_where_a_loop_runs_already(app: App) -> None:
    """As in a notebook: it blocks that loop, and does what was asked."""
    with app.run() as client:
        assert client.start(twice, 2).result(timeout=LIMIT) == 4
        assert len(list(client.list())) == 1


async def test_works_in_a_thread_of_an_async_program(app: App) -> None:
    def use() -> int:
        with app.run() as client:
            return client.start(twice, 3).result(timeout=LIMIT)

    assert await asyncio.to_thread(use) == 6


def test_an_interrupt_ends_a_blocking_call_and_leaves_the_client_usable(app: App) -> None:
    with app.run() as client:
        handle = client.start(approve)
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            handle.result(timeout=LIMIT)

        handle.raise_event(approval, True)
        assert handle.result(timeout=LIMIT) is True


@pytest.mark.parametrize(
    ("async_class", "sync_class"), [(Client, SyncClient), (WorkflowHandle, SyncHandle)]
)
def test_both_faces_have_the_same_methods(async_class: type, sync_class: type) -> None:
    def parameters(owner: type, name: str) -> list[tuple[str, object]]:
        signature = inspect.signature(getattr(owner, name))
        return [(it.name, it.default) for it in signature.parameters.values()]

    names = [
        name
        for name, value in vars(async_class).items()
        if inspect.isfunction(value) and not name.startswith("_")
    ]
    assert names
    for name in names:
        if name != "start":  # it only passes its options on
            assert parameters(sync_class, name) == parameters(async_class, name)
        assert (vars(sync_class)[name].__doc__ or "").startswith("See :meth:")
