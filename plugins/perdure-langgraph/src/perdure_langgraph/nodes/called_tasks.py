"""Tasks that the function of a node calls: they run in the node's activity too."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from typing import TYPE_CHECKING, Any

from langchain_core.runnables.config import var_child_runnable_config
from langgraph._internal._runnable import RunnableCallable, is_async_callable
from langgraph.config import get_config
from langgraph.pregel._retry import arun_with_retry
from langgraph.types import PregelExecutableTask

from perdure_langgraph.nodes.off_loop import off_the_loop

if TYPE_CHECKING:
    from collections.abc import Callable


class CalledTasks:
    """Calls tasks in the activity of a node, by LangGraph's own rules of retries and timeouts."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def __call__(
        self,
        function: Callable[..., Any],
        arguments: Any,
        *,
        retry_policy: Any = None,
        timeout: Any = None,
        **_options: Any,
    ) -> Any:
        """Start a task; return its future, of the kind that the caller can wait for."""
        given = (None, function) if is_async_callable(function) else (function, None)
        name = function.__name__
        bound = RunnableCallable(*given, explode_args=True, name=name, trace=False, recurse=False)
        config = get_config()
        task = PregelExecutableTask(
            name,
            arguments,
            off_the_loop(bound),
            deque(),
            config,
            (),
            retry_policy or (),
            None,
            "",
            (),
            timeout=timeout,
        )
        context = contextvars.copy_context()
        context.run(var_child_runnable_config.set, config)
        work = arun_with_retry(task, None)
        if asyncio._get_running_loop() is self._loop:
            return self._loop.create_task(work, context=context)
        return asyncio.run_coroutine_threadsafe(work, self._loop)
