"""Bodies of entrypoints: they run in the workflow, and each task that they call is an activity."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import functools
from typing import TYPE_CHECKING, Any, cast

from langchain_core.runnables.config import var_child_runnable_config
from langgraph._internal._config import patch_configurable
from langgraph._internal._constants import (
    CONF,
    CONFIG_KEY_CALL,
    CONFIG_KEY_CHECKPOINT_NS,
    CONFIG_KEY_RUNTIME,
    PREVIOUS,
)
from langgraph.config import get_config
from langgraph.errors import GraphBubbleUp, NodeTimeoutError
from langgraph.pregel._retry import _should_retry_on

import perdure
from perdure.framework import in_workflow
from perdure_langgraph.errors import UnsupportedGraphError
from perdure_langgraph.nodes.call import NodeCall, pause_before, retry_policies
from perdure_langgraph.nodes.refused_store import RefusedStore
from perdure_langgraph.nodes.sync_bodies import PlainBody

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.runnables import RunnableConfig
    from langgraph.pregel import Pregel
    from langgraph.types import RetryPolicy

    from perdure_langgraph.catalogue import Node
    from perdure_langgraph.nodes.tasks import Tasks


def is_entrypoint(graph: Pregel[Any, Any, Any, Any]) -> bool:
    """Return whether a graph was made by ``@entrypoint``, whose one node calls tasks."""
    return PREVIOUS in graph.channels and len(graph.nodes) == 1


class BodyCall:
    """What stands in for the body of an entrypoint. Outside workflows it is that body."""

    def __init__(self, node: Node, tasks: Tasks) -> None:
        """Find the tasks of the body.

        Raises:
            DuplicateTaskError: Two of them are called the same.
            UnsupportedGraphError: The entrypoint asks for what there is not in workflows.
        """
        self._node = node
        self._tasks = tasks
        self._bound = cast("Any", node.node.bound)
        self._name = node.key.rpartition("/")[2]
        self._check()
        function = self._bound.func or self._bound.afunc
        tasks.add_those_of(function)

    async def __call__(self, value: Any, config: RunnableConfig) -> Any:
        """Run the body on ``value``."""
        if not in_workflow():
            return await self._node.node.bound.ainvoke(value, config)
        failed = 0
        config = self._prepared(config)
        while True:
            try:
                return await self._run(value, config, failed)
            except GraphBubbleUp:
                raise
            except Exception as err:
                failed += 1
                policy = self._policy(err)
                if policy is None or failed >= policy.max_attempts:
                    raise
                await asyncio.sleep(pause_before(policy, failed))

    async def _run(self, value: Any, config: RunnableConfig, failed: int) -> Any:
        bound = self._bound
        if bound.func is not None:
            conf = config.get(CONF, {})
            seed = f"{conf[CONFIG_KEY_CHECKPOINT_NS]}:{failed}"
            body = PlainBody(bound.func, entrypoint=self._name, seed=seed)
            config = patch_configurable(config, body.patch(conf))
            bound = copy.copy(bound)
            bound.afunc = body
        # The tasks that it calls read this variable.
        context = contextvars.copy_context()
        context.run(var_child_runnable_config.set, config)
        seconds = self._seconds
        began = perdure.now()
        try:
            async with asyncio.timeout(seconds) as limit:
                return await asyncio.create_task(bound.ainvoke(value, config), context=context)
        except TimeoutError as err:
            if not limit.expired() or seconds is None:
                raise
            elapsed = (perdure.now() - began).total_seconds()
            raise NodeTimeoutError(self._name, elapsed, kind="run", run_timeout=seconds) from err

    def _prepared(self, config: RunnableConfig) -> RunnableConfig:
        conf = config.get(CONF, {})
        patch = {CONFIG_KEY_CALL: functools.partial(self._call_task, conf[CONFIG_KEY_CALL])}
        if self._node.root.store is not None or self._node.graph.store is not None:
            runtime = conf[CONFIG_KEY_RUNTIME]
            patch[CONFIG_KEY_RUNTIME] = runtime.override(store=RefusedStore(self._name))
        return patch_configurable(config, patch)

    def _call_task(
        self, call: Callable[..., Any], function: Any, arguments: Any, **options: Any
    ) -> Any:
        """Call a task as LangGraph does, with an activity in the place of its function."""
        node = self._tasks.node_of(function)
        return call(_stand_in(node, function.__name__), arguments, callbacks=options["callbacks"])

    def _policy(self, error: Exception) -> RetryPolicy | None:
        policies = retry_policies(self._node)
        return next((policy for policy in policies if _should_retry_on(policy, error)), None)

    @property
    def _seconds(self) -> float | None:
        timeout: Any = self._node.node.timeout
        return None if timeout is None else float(timeout.run_timeout)

    def _check(self) -> None:
        graph = self._node.graph
        if self._node.node.cache_policy or graph.cache_policy:
            raise UnsupportedGraphError(
                graph=self._name, what="the cache_policy of an entrypoint", remedy="cache its tasks"
            )
        timeout: Any = self._node.node.timeout
        if timeout is not None and timeout.run_timeout is None:
            raise UnsupportedGraphError(
                graph=self._name,
                what="the idle_timeout of an entrypoint",
                remedy="give its tasks one, or the entrypoint a run_timeout",
            )


def _stand_in(node: Node, name: str) -> Callable[..., Any]:
    """Return what LangGraph is to call for a task."""
    call = NodeCall(node)

    # Without a signature to look into, so that what LangGraph injects is injected in the activity.
    async def run(*args: Any, **kwargs: Any) -> Any:
        return await call((args, kwargs), get_config())

    run.__name__ = run.__qualname__ = name
    return run
