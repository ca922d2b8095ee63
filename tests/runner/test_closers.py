"""What plugins close on perdure's loop before its tasks are cancelled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from perdure._portal import Portal
from perdure.framework import before_loop_ends

if TYPE_CHECKING:
    import pytest


def test_a_closer_runs_while_the_tasks_of_the_loop_still_do() -> None:
    seen: list[str] = []

    async def begin() -> None:
        asked, answered = asyncio.Event(), asyncio.Event()

        async def serve() -> None:
            await asked.wait()
            answered.set()

        task = asyncio.create_task(serve())

        async def close() -> None:
            asked.set()
            await answered.wait()
            await task
            seen.append("closed")

        before_loop_ends(close)

    portal = Portal(backend="test")
    portal.call_blocking(begin())
    portal.close()
    assert seen == ["closed"]


def test_a_closer_that_fails_is_logged_and_the_others_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[str] = []

    async def begin() -> None:
        async def fail() -> None:
            raise OSError("gone")

        async def close() -> None:
            seen.append("closed")

        before_loop_ends(close)
        before_loop_ends(fail)

    portal = Portal(backend="test")
    portal.call_blocking(begin())
    portal.close()
    assert seen == ["closed"]
    assert ["did not close" in message for message in caplog.messages] == [True]
