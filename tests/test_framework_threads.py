"""Threads for the activities of framework plugins."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import weakref

import pytest

from perdure import framework
from perdure.framework import run_in_thread

_WHO: contextvars.ContextVar[str] = contextvars.ContextVar("who")


async def test_the_function_runs_in_a_daemon_thread_and_sees_the_context() -> None:
    _WHO.set("ada")
    seen = await run_in_thread(lambda: (_WHO.get(), threading.current_thread()))
    assert seen[0] == "ada"
    assert seen[1] is not threading.current_thread()
    assert seen[1].daemon


async def test_what_it_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        await run_in_thread(lambda: 1 // 0)


async def test_one_that_hangs_is_given_up_with_the_wait() -> None:
    hanging, released = threading.Event(), threading.Event()

    def hang() -> None:
        hanging.set()
        released.wait()

    waiting = asyncio.ensure_future(run_in_thread(hang))
    await run_in_thread(lambda: hanging.wait(10))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    released.set()


def test_loops_that_are_closed_are_let_go() -> None:
    async def loop_used() -> weakref.ref[asyncio.AbstractEventLoop]:
        await run_in_thread(lambda: None)
        return weakref.ref(asyncio.get_running_loop())

    first = asyncio.run(loop_used())
    asyncio.run(loop_used())
    # Its thread ends by itself a little later; only that may still know the loop.
    gc.collect()
    assert first() is None or first() not in framework._pools
