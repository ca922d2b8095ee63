"""History grows with the length of a conversation, not with its square."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from agent_framework import Message, tool

import perdure
from models.asking import agent_of, app_asking, as_json, bytes_of, client_of
from perdure.spi.history import ChildStarted
from perdure.testing.scripted_model import ScriptedModel, when
from perdure_agent_framework.models import transcript_store
from perdure_agent_framework.models.transcripts import transcript_memory
from perdure_agent_framework.policies import Policies
from perdure_agent_framework.registration import register

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

    from perdure.spi.history import HistoryEvent

_logger = logging.getLogger(__name__)

KILOBYTE = "word " * 205


@tool
async def look_up(number: int) -> str:
    """Look something up."""
    return f"{number}: {KILOBYTE}"


def app_of(model: ScriptedModel, folder: Path, *, has_store: bool) -> perdure.App:
    agent = agent_of(client_of(model.url), tools=[look_up])
    return app_asking(
        agent,
        Policies(),
        backend=f"sqlite:///{folder / 'perdure.db'}",
        payloads=(folder / "payloads").as_uri() if has_store else "inline://",
    )


async def history_of(
    folder: Path, turns: int, *, has_store: bool
) -> tuple[Sequence[HistoryEvent], list[int]]:
    """Run an agent of so many tool turns; return its history, and how much the model was sent."""
    rules = [
        when(tool_results_below=turns).calls("look_up", number=1),
        when().says("done"),
    ]
    async with ScriptedModel(rules) as model:
        async with app_of(model, folder, has_store=has_store).run() as running:
            handle = await running.start("ask", "hi")
            assert await handle.result() == "done"
            history = await handle.history()
        received = [record.messages for record in model.requests()]
    return history, received


def requests_in(history: Sequence[HistoryEvent]) -> list[Any]:
    return [
        as_json(event.arguments)["request"]
        for event in history
        if getattr(event, "name", None) == "agent.model" and hasattr(event, "arguments")
    ]


async def check_linear(folder: Path, *, has_store: bool) -> None:
    (folder / "10").mkdir(parents=True)
    (folder / "39").mkdir()
    few, _ = await history_of(folder / "10", 10, has_store=has_store)
    many, received = await history_of(folder / "39", 39, has_store=has_store)
    # The model itself is sent everything: the question, and a call and a result for each turn.
    assert received == [2 + 2 * turn for turn in range(40)]
    sizes = [len(str(request["transcript"]["messages"])) for request in requests_in(many)]
    assert max(sizes[5:]) < 3_000
    per_turn = (bytes_of(many) - bytes_of(few)) / 29
    _logger.info("history: %d bytes, %d for each further turn", bytes_of(many), per_turn)
    # A result of 1 KB is in it twice, as what the tool gave and as what the model is told.
    assert per_turn < 6_000


async def test_history_is_linear_with_a_payload_store(tmp_path: Path) -> None:
    await check_linear(tmp_path, has_store=True)


async def test_history_is_linear_without_one_while_the_worker_lives(tmp_path: Path) -> None:
    await check_linear(tmp_path, has_store=False)


async def test_after_a_restart_everything_is_sent_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @tool
    async def forget(number: int) -> str:
        """Make the process as one that has just started."""
        if number == 1:
            monkeypatch.setattr(transcript_store, "_cache", transcript_store.ObjectCache())
        return f"{number}: {KILOBYTE * 5}"

    rules = [
        *(when(tool_results=turn).calls("forget", number=turn % 2) for turn in range(6)),
        when().says("done"),
    ]
    async with ScriptedModel(rules) as model:
        app = app_asking(
            agent_of(client_of(model.url), tools=[forget]),
            backend=f"sqlite:///{tmp_path / 'perdure.db'}",
        )
        async with app.run() as running:
            handle = await running.start("ask", "hi")
            assert await handle.result() == "done"
            requests = requests_in(await handle.history())
        assert [record.messages for record in model.requests()] == [2 + 2 * it for it in range(7)]
    assert sum("base" in request["transcript"] for request in requests) >= 3
    assert len(requests) > 7


async def test_a_purged_store_costs_a_resend_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcript_store, "_cache", transcript_store.ObjectCache(max_bytes=0))
    removed = []

    @tool
    async def purge(number: int) -> str:
        """Remove what is stored."""
        if number == 3:
            for path in (tmp_path / "payloads").rglob("*"):
                if path.is_file() and "blob" in path.name:
                    path.unlink()
                    removed.append(path)
        return f"{number}: {KILOBYTE * 5}"

    rules = [
        *(when(tool_results=turn).calls("purge", number=turn) for turn in range(6)),
        when().says("done"),
    ]
    async with ScriptedModel(rules) as model:
        app = app_asking(
            agent_of(client_of(model.url), tools=[purge]),
            backend=f"sqlite:///{tmp_path / 'perdure.db'}",
            payloads=(tmp_path / "payloads").as_uri(),
        )
        async with app.run() as running:
            handle = await running.start("ask", "hi")
            assert await handle.result() == "done"
            requests = requests_in(await handle.history())
        assert [record.messages for record in model.requests()] == [2 + 2 * it for it in range(7)]
    assert removed
    assert len(requests) == 8


async def test_a_later_turn_builds_upon_what_an_earlier_one_stored(tmp_path: Path) -> None:
    rules = [when(user="first").says("well"), when(user="second").says("done")]
    async with ScriptedModel(rules) as model:
        agent = agent_of(client_of(model.url))
        app = perdure.App(
            "asking",
            backend=f"sqlite:///{tmp_path / 'perdure.db'}",
            payloads=(tmp_path / "payloads").as_uri(),
        )
        register(app, agent)

        @app.workflow
        async def turn(question: str, said: list[Any], memory: Any) -> list[Any]:
            transcript_memory().adopt(memory)
            messages = [*map(Message.from_dict, said), Message("user", [question])]
            response = await agent.run(messages)
            answered = [*messages, *response.messages]
            return [[it.to_dict() for it in answered], transcript_memory().to_json()]

        @app.workflow
        async def session() -> str:
            said, memory = await turn(f"first {KILOBYTE * 5}", [], None)
            said, memory = await turn("second", said, memory)
            return str(said[-1]["contents"][0]["text"])

        async with app.run() as running:
            handle = await running.start(session)
            assert await handle.result() == "done"
            history = await handle.history()
            children = [it.instance_id for it in history if isinstance(it, ChildStarted)]
            second = requests_in(await running.get(None, children[1]).history())
        assert [record.messages for record in model.requests()] == [2, 4]
    # The question of the first turn is not sent again. Its answer is: agents put their name to it.
    assert second[0]["transcript"]["base"]["count"] == 1
    assert len(second[0]["transcript"]["messages"]) == 2
