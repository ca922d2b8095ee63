"""Plain functions of nodes, run in threads that nothing ever waits for."""

from __future__ import annotations

import copy
import functools
from typing import Any

from langchain_core.runnables.config import run_in_executor
from langgraph._internal._runnable import RunnableCallable

from perdure.framework import run_in_thread


def off_the_loop(bound: Any) -> Any:
    """Return ``bound``, with its function, if it is a ``def``, run in a daemon thread.

    LangGraph would put it into asyncio's own threads, which Python waits for when it exits, so that
    one node that hangs keeps a worker from ending.
    """
    if not isinstance(bound, RunnableCallable) or bound.func is None or not _is_plain(bound):
        return bound
    function = bound.func

    async def run(*args: Any, **kwargs: Any) -> Any:
        return await run_in_thread(functools.partial(function, *args, **kwargs))

    threaded = copy.copy(bound)
    threaded.afunc = run
    return threaded


def _is_plain(bound: RunnableCallable) -> bool:
    """Return whether the asynchronous form only puts the plain one into a thread."""
    made = bound.afunc
    return made is None or (isinstance(made, functools.partial) and made.func is run_in_executor)
