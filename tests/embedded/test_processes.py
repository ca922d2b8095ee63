"""Real processes on one file: how fast they hear of each other, and that the dead are noticed."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from perdure.embedded import create_backend
from perdure.spi import StartRequest
from tests.embedded.worker_process import running

if TYPE_CHECKING:
    from pathlib import Path

    from perdure.spi import Backend

PATIENCE = timedelta(seconds=10)
ROUNDS = 10


async def opened(path: Path) -> Backend:
    backend = create_backend(f"sqlite:///{path}")
    await backend.open()
    return backend


async def start(client: Backend, workflow: str, instance_id: str, **arguments: int) -> None:
    await client.start(
        StartRequest(workflow=workflow, instance_id=instance_id, arguments=json.dumps(arguments))
    )


@pytest.mark.serial
async def test_processes_wake_each_other_well_under_50_ms(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    client = await opened(path)
    seconds = []
    with running(path) as worker:
        for n in range(ROUNDS):
            begun = time.perf_counter()
            await start(client, "ping_pong", f"i{n}", rounds=1)
            await client.raise_event(f"i{n}", "ping", '"x"')
            info = await client.wait(f"i{n}", timeout=PATIENCE)
            seconds.append(time.perf_counter() - begun)
            assert info.output_json == f"[{worker.pid}]"
    await client.close()
    # A start, an event and an end cross from process to process each time.
    assert statistics.median(seconds) < 0.05


async def test_a_killed_process_is_noticed_and_another_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    client = await opened(path)
    with running(path) as first:
        await start(client, "ping_pong", "i", rounds=2)
        await client.raise_event("i", "ping", '"x"')
        while (await client.get("i")).custom_status_json != "1":
            await asyncio.sleep(0.001)
        with running(path) as second:
            first.kill()
            await client.raise_event("i", "ping", '"y"')
            info = await client.wait("i", timeout=PATIENCE)
            assert info.output_json == f"[{first.pid},{second.pid}]"
    await client.close()


async def test_an_instance_whose_owner_is_killed_can_be_terminated_by_a_mere_client(
    tmp_path: Path,
) -> None:
    path = tmp_path / "hub.db"
    client = await opened(path)
    with running(path) as worker:
        await start(client, "hang", "i")
        while (await client.get("i")).status == "pending":
            await asyncio.sleep(0.001)
        worker.kill()
        worker.wait()
        await client.terminate("i", reason="nobody left")
        info = await client.wait("i", timeout=PATIENCE)
        assert (info.status, info.reason) == ("terminated", "nobody left")
    await client.close()
