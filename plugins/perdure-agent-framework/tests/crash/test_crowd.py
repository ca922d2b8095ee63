"""Many conversations at once: each is answered in its order, and nothing stored has a secret."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from crash.desk import open_desk
from crash.helpdesk import expected
from crash.secrets_found import secrets_in_files, secrets_in_histories
from perdure_agent_framework import SessionNotFoundError
from tests.campaign.servers import servers_of

if TYPE_CHECKING:
    from pathlib import Path

    from crash.desk import HelpDesk

pytestmark = [pytest.mark.crash, pytest.mark.serial, pytest.mark.timeout(300)]

_TURNS = 3


@pytest.mark.parametrize(("backend", "count"), [("sqlite", 100), ("dapr", 30), ("azure", 30)])
async def test_many_conversations_at_once_are_all_answered_in_their_order(
    backend: str, count: int, tmp_path: Path
) -> None:
    with servers_of(backend, tmp_path) as servers:
        async with open_desk(servers.url, tmp_path) as desk:
            for _ in range(2):
                await asyncio.to_thread(desk.start_worker)
            sessions = [f"s-{number}" for number in range(count)]
            await asyncio.gather(*(_converse(desk, session) for session in sessions))
            for session in sessions:
                said = [message.text for message in await desk.runner.history(session)]
                assert said[0::2] == [f"hello {session} {turn}" for turn in range(_TURNS)]
                assert said[1::2] == [expected(text) for text in said[0::2]]
            assert len(desk.model.requests()) == count * _TURNS
            assert await secrets_in_histories(desk.client) == []
        assert secrets_in_files(tmp_path) == []


async def _converse(desk: HelpDesk, session: str) -> None:
    """Say everything at once, in order: it is queued, and answered in that order."""
    asked = []
    for turn in range(_TURNS):
        text = f"hello {session} {turn}"
        run = desk.runner.run(text, session_id=session, message_id=f"m-{turn}")
        asked.append(asyncio.create_task(run))
        while (await _known(desk, session)) <= turn:
            await asyncio.sleep(0.05)
    replies = await asyncio.gather(*asked)
    assert [reply.text for reply in replies] == [
        expected(f"hello {session} {turn}") for turn in range(_TURNS)
    ]


async def _known(desk: HelpDesk, session: str) -> int:
    """Return how many messages the session has taken so far."""
    try:
        info = await desk.runner.session(session)
    except SessionNotFoundError:
        return 0
    return info.turns + info.queued + (info.state == "running")
