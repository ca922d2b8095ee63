"""What a durable graph does at its start in a workflow, so that nobody has to ask for it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeVar

from langgraph._internal._constants import CONF
from langsmith.run_helpers import _set_tracing_context, get_tracing_context

from perdure.framework import in_workflow, run_state, run_threads_inline
from perdure_langgraph.configs import check_nothing_is_readable
from perdure_langgraph.errors import CallbacksInWorkflowError
from perdure_langgraph.nodes.call import MODES_KEY
from perdure_langgraph.streaming.handlers import handlers_of

if TYPE_CHECKING:
    from langgraph.pregel import Pregel

STANDS_IN_FOR = "stands_in_for"
"""The attribute of what stands in for a node's function that has the node as the user made it."""

K = TypeVar("K", bound="Pregel[Any, Any, Any, Any]")


@functools.cache
def workflow_class(kind: type[K]) -> type[K]:
    """Return a class like ``kind`` whose graphs prepare the workflow that they run in."""

    class DurableGraph(kind):  # type: ignore[valid-type,misc]  # a class made at run time
        def astream(self, input: Any, config: Any = None, **options: Any) -> Any:
            if not in_workflow():
                return kind.astream(as_the_user_made_it(self), input, config, **options)
            _enter()
            check_no_callbacks(config)
            check_nothing_is_readable((config or {}).get(CONF, {}))
            return kind.astream(_for_a_workflow(self), input, config, **options)

        def stream(self, input: Any, config: Any = None, **options: Any) -> Any:
            return kind.stream(as_the_user_made_it(self), input, config, **options)

        def _defaults(self, config: Any, **options: Any) -> Any:
            found = super()._defaults(config, **options)
            if in_workflow():
                config[CONF][MODES_KEY] = sorted(found[0])
            return found

        def _resolve_checkpointer(self, config: Any) -> Any:
            if in_workflow():
                _enter()
            return super()._resolve_checkpointer(config)

    DurableGraph.__name__ = kind.__name__
    DurableGraph.__qualname__ = kind.__qualname__
    return DurableGraph


def as_the_user_made_it(graph: K) -> K:
    """Return a durable graph with the nodes that its own stand in for: for outside workflows."""
    nodes = {name: getattr(node.bound, STANDS_IN_FOR, node) for name, node in graph.nodes.items()}
    return graph.copy({"nodes": nodes})


def _for_a_workflow(graph: K) -> K:
    """Return a durable graph without what is done in the activities of its nodes."""
    without: dict[str, Any] = {"retry_policy": (), "cache": None, "cache_policy": None}
    if (graph.config or {}).get("callbacks"):
        # They listen in the activities: here they would be called on each replay.
        without["config"] = {**(graph.config or {}), "callbacks": None}
    return graph.copy(without)


def check_no_callbacks(config: Any) -> None:
    """Check that there are none but LangGraph's own among the callbacks of a config.

    Raises:
        CallbacksInWorkflowError: There are.
    """
    callbacks = (config or {}).get("callbacks")
    given = getattr(callbacks, "handlers", callbacks) or []
    known = handlers_of(config or {})
    if foreign := [handler for handler in given if handler not in known]:
        raise CallbacksInWorkflowError(handlers=[type(it).__qualname__ for it in foreign])


class _Entered:
    """Whether a run has been prepared."""

    is_done = False


def _enter() -> None:
    entered = run_state(_Entered)
    if not entered.is_done:
        entered.is_done = True
        run_threads_inline()
    if get_tracing_context()["enabled"] is not False:
        # A tracer has threads and clocks; what is called in activities is traced there.
        _set_tracing_context({**get_tracing_context(), "enabled": False})
