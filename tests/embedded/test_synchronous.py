"""``?synchronous=normal``: commits do not wait for the disk, and outlive killed processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from perdure.embedded import create_backend
from perdure.embedded.checkpoint import checkpoint
from perdure.embedded.connection import connect_again
from perdure.spi import StartRequest
from tests.embedded.worker_process import running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.embedded.hub import Hub

PATIENCE = timedelta(seconds=10)
NORMAL = "?synchronous=normal"
STEPS = 5


@pytest.mark.parametrize(("options", "level"), [("", 2), ("?synchronous=full", 2), (NORMAL, 1)])
async def test_commits_wait_for_the_disk_as_the_option_says(
    hub: Hub, options: str, level: int
) -> None:
    connection = (await hub.open(options=options)).engine.store.connection
    assert connection.execute("PRAGMA synchronous").fetchone() == (level,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    await hub.close()


async def test_what_is_moved_into_the_file_is_synced_always(hub: Hub) -> None:
    await hub.open(options=NORMAL)
    with contextlib.closing(connect_again(hub.path)) as of_the_checkpointer:
        assert of_the_checkpointer.execute("PRAGMA synchronous").fetchone() == (2,)
    assert checkpoint(hub.path).is_complete
    await hub.close()


async def test_each_step_outlives_a_worker_that_is_killed_right_after_it(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    client = create_backend(f"sqlite:///{path}{NORMAL}")
    await client.open()
    request = StartRequest(
        workflow="ping_pong", instance_id="i", arguments=json.dumps({"rounds": STEPS})
    )
    await client.start(request)
    pids = []
    for step in range(STEPS):
        with running(path, NORMAL) as worker:
            await client.raise_event("i", "ping", '"x"')
            if step < STEPS - 1:
                while (await client.get("i")).custom_status_json != str(step + 1):
                    await asyncio.sleep(0.001)
            else:
                await client.wait("i", timeout=PATIENCE)
            worker.kill()
            pids.append(worker.pid)
    info = await client.get("i")
    await client.close()
    assert info.output_json is not None
    # Each step ran once, in the process of its time.
    assert json.loads(info.output_json) == pids
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
