"""The threads of ``def`` activities: as many as needed, reused, never in the way."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from perdure._runner.threads import ThreadPool
from tests.runner.attempts import until

WORD: contextvars.ContextVar[str] = contextvars.ContextVar("word")


def threads_named(prefix: str) -> list[str]:
    return [it.name for it in threading.enumerate() if it.name.startswith(prefix)]


def thread_name() -> str:
    return threading.current_thread().name


async def test_64_blocking_calls_run_at_once() -> None:
    pool = ThreadPool()
    barrier = threading.Barrier(64, timeout=10)

    places = await asyncio.gather(*(pool.run(barrier.wait) for _ in range(64)))

    assert sorted(places) == list(range(64))
    pool.close()


async def test_an_idle_thread_is_used_again() -> None:
    pool = ThreadPool()

    names = {await pool.run(thread_name) for _ in range(20)}

    assert len(names) == 1
    pool.close()


async def test_threads_are_daemons_with_a_name() -> None:
    pool = ThreadPool(name="mine")

    name, daemon = await pool.run(lambda: (thread_name(), threading.current_thread().daemon))

    assert (name, daemon) == ("mine-1", True)
    pool.close()


async def test_the_context_is_copied_into_the_thread() -> None:
    pool = ThreadPool()
    WORD.set("outside")

    def change() -> str:
        found = WORD.get()
        WORD.set("inside")
        return found

    assert await pool.run(change) == "outside"
    assert WORD.get() == "outside"
    pool.close()


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(2), KeyboardInterrupt()])
async def test_what_a_call_raises_reaches_the_caller(error: BaseException) -> None:
    pool = ThreadPool()

    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        await pool.run(fail)

    assert raised.value is error
    assert await pool.run(lambda: "still at work") == "still at work"
    pool.close()


async def test_a_cancelled_call_is_abandoned_and_its_thread_ends_when_it_can() -> None:
    pool = ThreadPool()
    began, go_on = threading.Event(), threading.Event()

    def hang() -> None:
        began.set()
        go_on.wait(5)

    call = asyncio.create_task(pool.run(hang))
    await until(began.is_set)
    call.cancel()
    await asyncio.wait([call])

    assert (pool.busy, pool.abandoned, pool.idle) == (0, 1, 0)
    assert await pool.run(lambda: "beside it") == "beside it"
    go_on.set()
    await until(lambda: pool.abandoned == 0)
    assert pool.idle == 1
    pool.close()


async def test_idle_threads_end_after_a_while() -> None:
    pool = ThreadPool(name="tired", idle_seconds=0.05)
    barrier = threading.Barrier(8, timeout=10)
    await asyncio.gather(*(pool.run(barrier.wait) for _ in range(8)))

    await until(lambda: pool.idle == 0)
    await until(lambda: not threads_named("tired"))


async def test_a_thread_in_use_now_and_then_stays() -> None:
    pool = ThreadPool(idle_seconds=0.5)
    names = set()
    for _ in range(7):
        names.add(await pool.run(thread_name))
        await asyncio.sleep(0.1)

    assert len(names) == 1
    pool.close()


async def test_many_completions_share_wake_ups(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = ThreadPool()
    loop = asyncio.get_running_loop()
    barrier = threading.Barrier(32, timeout=10)
    wake_ups = 0
    original = loop.call_soon_threadsafe

    def counting(*args: Any, **kwargs: Any) -> asyncio.Handle:
        nonlocal wake_ups
        wake_ups += 1
        return original(*args, **kwargs)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counting)
    calls = asyncio.gather(*(pool.run(barrier.wait) for _ in range(32)))
    await asyncio.sleep(0)
    time.sleep(0.2)  # noqa: ASYNC251 - the loop is busy while all of them finish
    await calls

    assert wake_ups == 1
    pool.close()


async def test_closing_does_not_wait_for_a_call_that_hangs() -> None:
    pool = ThreadPool()
    go_on = threading.Event()
    call = asyncio.create_task(pool.run(lambda: go_on.wait(5)))
    await until(lambda: pool.busy == 1)
    began = time.monotonic()

    pool.close()
    pool.close()
    await asyncio.wait([call])

    assert call.cancelled()
    assert time.monotonic() - began < 1
    go_on.set()


def test_a_call_that_hangs_does_not_keep_the_process_alive() -> None:
    program = (
        "import asyncio, time\n"
        "from perdure._runner.threads import ThreadPool\n"
        "async def main():\n"
        "    pool = ThreadPool()\n"
        "    call = asyncio.create_task(pool.run(lambda: time.sleep(60)))\n"
        "    await asyncio.sleep(0.05)\n"
        "    pool.close()\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=20)


async def test_threads_end_when_their_loop_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure._runner.threads._SLACK_SECONDS", 0.05)
    go_on = threading.Event()

    def run_elsewhere() -> None:
        async def give_up() -> None:
            pool = ThreadPool(name="orphan", idle_seconds=0.1)
            call = asyncio.create_task(pool.run(lambda: go_on.wait(5)))
            await pool.run(lambda: "idle from now on")
            call.cancel()

        asyncio.run(give_up())

    await asyncio.to_thread(run_elsewhere)
    go_on.set()

    await until(lambda: not threads_named("orphan"))
