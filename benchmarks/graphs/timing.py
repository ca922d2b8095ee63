"""Each way to run 50 nodes, timed: in rounds, in an order drawn anew."""

from __future__ import annotations

import os
import random
import subprocess
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from perdure_langgraph.threads.requests import (  # noqa: TID251 - it is what is measured
    reply_instance_id,
    thread_instance_id,
)

from benchmarks.graphs.results import History
from benchmarks.graphs.subject import INPUT, NODES, counting_graph
from perdure.spi.history import ActivityScheduled
from perdure.spi.journal import encode_journal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    import perdure
    from benchmarks.graphs.subject import Subject

PLAIN, SYNC, ASYNC = "no checkpointer", "SQLite, durability=sync", "SQLite, durability=async"
DURABLE, CHAIN = "durable graph", "perdure, 50 activities"
_CONFIG: Any = {"recursion_limit": 2 * NODES}
_WARM_UP = 2


async def timed(
    subject: Subject, client: perdure.Client, folder: Path, *, rounds: int, seed: int
) -> dict[str, list[float]]:
    """Return by way how many seconds each of its runs took."""
    async with AsyncExitStack() as stack:
        path = str(folder / "plain.db")
        saver = await stack.enter_async_context(AsyncSqliteSaver.from_conn_string(path))
        ways = _ways(subject, client, saver)
        taken: dict[str, list[float]] = {name: [] for name in ways}
        chance = random.Random(seed)
        for number in range(_WARM_UP + rounds):
            for name in chance.sample(list(ways), len(ways)):
                began = time.perf_counter()
                count = await ways[name](f"{number}")
                seconds = time.perf_counter() - began
                assert count == NODES
                if number >= _WARM_UP:
                    taken[name].append(seconds)
    return taken


def _ways(
    subject: Subject, client: perdure.Client, saver: AsyncSqliteSaver
) -> dict[str, Callable[[str], Awaitable[int]]]:
    # Of any type: inputs are plain dicts here.
    bare: Any = counting_graph().compile()
    saved: Any = counting_graph().compile(checkpointer=saver)

    def config_of(thread: str) -> Any:
        return {**_CONFIG, "configurable": {"thread_id": thread}}

    async def plain(thread: str) -> int:
        return int((await bare.ainvoke(dict(INPUT), _CONFIG))["count"])

    def with_saver(durability: Any) -> Callable[[str], Awaitable[int]]:
        async def run(thread: str) -> int:
            config = config_of(f"{durability}-{thread}")
            found = await saved.ainvoke(dict(INPUT), config, durability=durability)
            return int(found["count"])

        return run

    async def durable(thread: str) -> int:
        found = await subject.counting.using(client).ainvoke(dict(INPUT), config_of(thread))
        return int(found["count"])

    async def chain(thread: str) -> int:
        return int(await (await client.start(subject.chain)).result())

    return {
        PLAIN: plain,
        ASYNC: with_saver("async"),
        SYNC: with_saver("sync"),
        CHAIN: chain,
        DURABLE: durable,
    }


async def history_of_run(subject: Subject, client: perdure.Client) -> History:
    """Return what a run leaves behind: the history of its answer, and of its thread."""
    await subject.counting.using(client).ainvoke(
        dict(INPUT), _CONFIG, thread_id="history", request_id="once"
    )  # fmt: skip
    thread = thread_instance_id("count", "history")
    reply = reply_instance_id(thread, "once")
    events = await client.get(None, reply).history()
    of_thread = await client.get(None, thread).history()
    return History(
        events=len(events),
        history_bytes=len(encode_journal(events).encode()),
        thread_bytes=len(encode_journal(of_thread).encode()),
        activities=sum(isinstance(event, ActivityScheduled) for event in events),
    )


async def memory_of_waiting(
    subject: Subject, client: perdure.Client, *, threads: int
) -> tuple[int, int]:
    """Return the resident memory of this process before threads wait in it, and while they do."""
    runner = subject.waiting.using(client)
    before = _memory()
    for number in range(threads):
        await runner.ainvoke(dict(INPUT), thread_id=f"waits-{number}")
    return before, _memory()


def _memory() -> int:
    asked = ["ps", "-o", "rss=", "-p", str(os.getpid())]
    return int(subprocess.run(asked, capture_output=True, text=True, check=True).stdout) * 1024
