"""Who listens to an answer while workers die hears each piece once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from crash.desk import open_desk
from tests.campaign.servers import BACKENDS, servers_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.crash, pytest.mark.serial, pytest.mark.timeout(120)]

_PIECES_BEFORE_KILL = 8


@pytest.mark.parametrize("backend", BACKENDS)
async def test_a_subscriber_hears_nothing_twice_when_the_worker_dies_in_the_answer(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERDURE_AGENT_STREAMS", f"file://{tmp_path}/streams")
    with servers_of(backend, tmp_path) as servers:
        async with open_desk(servers.url, tmp_path) as desk:
            worker = await asyncio.to_thread(desk.start_worker)
            stream = desk.runner.run("tell", session_id="s", message_id="m", stream=True)
            heard, places = "", []
            async for update in stream:
                heard += update.text
                places.append((update.additional_properties or {})["perdure"])
                if len(places) == _PIECES_BEFORE_KILL:
                    worker.kill()
                    await asyncio.to_thread(desk.start_worker)
            final = await stream.get_final_response()
            assert heard == final.text == "word " * 60
            assert [place["sequence"] for place in places] == list(range(len(places)))
            # The answer came in two halves, of two executions.
            assert len(desk.model.requests()) == 2
            assert not desk.model.requests()[0].sent
