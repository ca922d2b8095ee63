"""A file that cannot be written for a while: work waits, calls fail, nothing is lost."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry
from perdure.errors import StorageError

if TYPE_CHECKING:
    from tests.embedded.hub import Hub, Node

registry = Registry()
runs: list[str] = []


@registry.activity
async def big(name: str) -> str:
    runs.append(name)
    return "x" * 200_000


@registry.workflow
async def grow() -> int:
    await perdure.wait_for_event("go")
    sizes = [len(await big("one")), len(await big("two"))]
    return sum(sizes)


def limit(node: Node, *, is_full: bool) -> None:
    connection = node.engine.store.connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 2 if is_full else 1_000_000}")


async def test_work_waits_for_the_disk_and_goes_on_by_itself(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("perdure.embedded.commits._STORAGE_RETRY_SECONDS", 0.01)
    node = await hub.open(registry)
    await node.start("grow")
    await hub.settle()
    limit(node, is_full=True)
    with caplog.at_level(logging.ERROR):
        await node.event("go")
        while not caplog.records:
            await asyncio.sleep(0.001)
    with pytest.raises(StorageError) as caught:
        await node.start("grow", "j", arguments={"padding": "x" * 100_000})
    assert caught.value.kind == "full"
    assert "free some space" in caplog.text
    assert runs == ["one"]
    limit(node, is_full=False)
    assert await node.result() == 400_000
    assert runs == ["one", "two"]
    await hub.close()


async def test_a_full_disk_refuses_a_start_and_forgets_it(hub: Hub) -> None:
    node = await hub.open(registry)
    limit(node, is_full=True)
    with pytest.raises(StorageError):
        await node.start("grow", arguments={"padding": "x" * 100_000})
    limit(node, is_full=False)
    await node.start("grow")
    assert len(await node.listed()) == 1
    await hub.close()


async def test_a_writer_that_holds_the_file_is_waited_for(hub: Hub) -> None:
    node = await hub.open(registry)
    rival = await hub.open()
    rival.engine.store.connection.execute("BEGIN IMMEDIATE")
    starting = asyncio.create_task(node.start("grow"))
    await asyncio.sleep(0.05)
    assert not starting.done()
    rival.engine.store.connection.execute("ROLLBACK")
    assert (await starting).instance_id == "i"
    await hub.close()


async def test_a_text_that_cannot_be_stored_fails_its_caller_only(hub: Hub) -> None:
    node = await hub.open(registry)
    started, refused = await asyncio.gather(
        node.start("grow"), node.backend.suspend("i", reason="\ud800"), return_exceptions=True
    )
    assert isinstance(refused, UnicodeEncodeError)
    assert not isinstance(started, BaseException)
    assert (await node.backend.get("i")).name == "grow"
    await hub.close()


async def test_a_step_that_cannot_be_stored_stalls_its_instance_only(hub: Hub) -> None:
    odd = Registry()

    @odd.workflow
    async def oddity() -> None:
        perdure.current_workflow()
        await perdure.wait_for_event("go")

    node = await hub.open(odd)
    await node.start("oddity", "a")
    await node.start("oddity", "b")
    await hub.settle()
    for live in node.engine.residents.lives.values():
        if live.run.instance_id == "a":
            live.runner.executor.custom_status_json = "\ud800"  # type: ignore[misc]
    await asyncio.gather(node.event("go", instance_id="a"), node.event("go", instance_id="b"))
    assert await node.result("b") is None
    info = await node.finished("a")
    assert info.status == "stalled"
    assert "cannot be written" in (info.reason or "")
    await hub.close()
