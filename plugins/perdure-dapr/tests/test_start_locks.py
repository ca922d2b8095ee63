"""Start locks: one process of a host at a time starts the instance of an id."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from perdure import BackendUnavailableError
from perdure_dapr.start_locks import StartLocks

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.sdk_independent

_HOLDER = """
import asyncio, sys, time
from pathlib import Path
from perdure_dapr.start_locks import StartLocks

async def main():
    async with StartLocks(Path(sys.argv[1])).hold("trip-1"):
        print("held", flush=True)
        sys.stdin.readline()

asyncio.run(main())
"""


async def test_within_a_process_one_waits_for_the_other(tmp_path: Path) -> None:
    locks = StartLocks(tmp_path)
    seen = []

    async def hold(name: str) -> None:
        async with locks.hold("trip-1"):
            seen.append(f"{name} in")
            await asyncio.sleep(0)
            seen.append(f"{name} out")

    await asyncio.gather(hold("a"), hold("b"))
    assert seen == ["a in", "a out", "b in", "b out"]


async def test_between_processes_one_waits_for_the_other_and_death_lets_go(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLDER, str(tmp_path)]
    holder = subprocess.Popen(  # noqa: ASYNC220 - it is short
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    try:
        assert await asyncio.to_thread(holder.stdout.readline) == b"held\n"

        async def hold() -> None:
            async with StartLocks(tmp_path).hold("trip-1"):
                pass

        waiting = asyncio.create_task(hold())
        done, _ = await asyncio.wait([waiting], timeout=0.1)
        assert not done
        holder.kill()
        await asyncio.wait_for(waiting, timeout=10)
    finally:
        holder.kill()
        holder.wait()
        holder.stdin.close()
        holder.stdout.close()


async def test_another_id_does_not_wait(tmp_path: Path) -> None:
    locks = StartLocks(tmp_path)
    async with locks.hold("trip-1"), asyncio.timeout(5), locks.hold("trip-2"):
        pass


async def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendUnavailableError, match="file"):
        async with StartLocks(tmp_path / "file").hold("trip-1"):
            pass
