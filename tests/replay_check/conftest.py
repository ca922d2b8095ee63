"""A workflow as it was when a journal was recorded, and the journal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure.spi import encode_journal
from perdure.testing import run_in_memory

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The journal of a run of :func:`trips` as it was, recorded with the real engine."""
    path = tmp_path / "run.jsonl"
    path.write_text(asyncio.run(_recorded(trips())))
    return path


async def _recorded(app: perdure.App) -> str:
    async with run_in_memory(app) as env:
        handle = await env.client.start("plan", instance_id="recorded")
        await env.advance(hours=1)
        assert await handle.result() == "booked for 3"
        return encode_journal(await handle.history())


def trips(second: str = "book", *, price: int = 3, has_pause: bool = True) -> perdure.App:
    """Return an app whose one workflow can be changed."""
    app = perdure.App("trips")

    @app.activity
    async def quote(city: str) -> int:
        return len(city)

    @app.activity
    async def book(price: int) -> str:
        return f"booked for {price}"

    @app.activity
    async def reserve(price: int) -> str:
        return f"reserved for {price}"

    @app.workflow
    async def plan() -> str:
        await quote("Oslo")
        if has_pause:
            await asyncio.sleep(60)
        return await {"book": book, "reserve": reserve}[second](price)

    return app
