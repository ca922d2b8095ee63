"""The agent durable and plain, in turns: how long answers take, and what they leave behind."""

from __future__ import annotations

import json
import random
import time
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from benchmarks.agents.desk import ANSWER, QUESTION
from benchmarks.agents.results import History
from perdure.spi.history import ActivityScheduled
from perdure.spi.journal import encode_journal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from agent_framework import Agent
    from perdure_agent_framework import DurableAgentRunner  # noqa: TID251 - it is what is measured

    import perdure
    from perdure.stack import Stack

_SECONDS = 10


async def timed_pairs(
    agent: Agent[Any], runner: DurableAgentRunner, *, pairs: int, warm_up: int, seed: int
) -> tuple[list[float], list[float]]:
    """Return the seconds of plain and of durable answers, pair by pair, in orders drawn anew.

    The plain agent is an object of its own: connections of its client belong to this event loop,
    and those of the runner's agent to the one on which the worker runs activities.
    """
    chance = random.Random(seed)
    plain: list[float] = []
    durable: list[float] = []

    async def durably() -> str:
        return (await runner.run(QUESTION)).text

    async def plainly() -> str:
        return (await agent.run(QUESTION)).text

    sides = [(plain, plainly), (durable, durably)]
    for number in range(warm_up + pairs):
        chance.shuffle(sides)
        for seconds, ask in sides:
            taken = await _timed(ask)
            if number >= warm_up:
                seconds.append(taken)
    return plain, durable


async def _timed(ask: Callable[[], Awaitable[str]]) -> float:
    began = time.perf_counter()
    answer = await ask()
    taken = time.perf_counter() - began
    if answer != ANSWER:
        raise ValueError(f"the agent said {answer!r} instead of {ANSWER!r}")
    return taken


async def history_of_answer(client: perdure.Client, runner: DurableAgentRunner) -> History:
    """Return what an answer leaves behind that is no part of a conversation."""
    before = {info.instance_id async for info in client.list()}
    await runner.run(QUESTION)
    after = {info.instance_id async for info in client.list()}
    (turn,) = after - before
    events = await client.get(None, turn).history()
    return History(
        events=len(events),
        history_bytes=len(encode_journal(events).encode()),
        activities=sum(isinstance(event, ActivityScheduled) for event in events),
    )


class Actions:
    """The billable actions that the stand-in for Durable Task Scheduler counts."""

    def __init__(self, stack: Stack) -> None:
        ports = stack.record().ports
        port = next(number for name, number in ports.items() if name.endswith(".admin"))
        hub = urlsplit(stack.url).path.strip("/")
        self._url = f"http://127.0.0.1:{port}/actions?hub={hub}"

    def counted(self) -> int:
        """Return how many there were so far, as the billing page defines them."""
        with urllib.request.urlopen(self._url, timeout=_SECONDS) as answer:
            found: dict[str, Any] = json.load(answer)
        return int(found["published"])
