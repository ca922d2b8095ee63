"""Durable graphs: a copy of the user's compiled graph whose nodes run as activities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from langgraph._internal._runnable import RunnableCallable
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.pregel import Pregel

from perdure_langgraph import determinism
from perdure_langgraph.catalogue import Catalogue, Node, catalogue_of, new_catalogue
from perdure_langgraph.checkpoints.activity import CHECKPOINTER_ACTIVITY, run_checkpointer
from perdure_langgraph.checkpoints.checkpointers import RoutingSaver
from perdure_langgraph.in_workflows import STANDS_IN_FOR, workflow_class
from perdure_langgraph.nodes.activity import run_node
from perdure_langgraph.nodes.bodies import BodyCall, is_entrypoint
from perdure_langgraph.nodes.call import NODE_ACTIVITY, NodeCall
from perdure_langgraph.nodes.tasks import Tasks
from perdure_langgraph.streaming.live import PUBLISH_ACTIVITY, append, hub_of

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.pregel._read import PregelNode

    from perdure import Registry

Graph: TypeAlias = "Pregel[Any, Any, Any, Any]"
G = TypeVar("G", bound=Graph)

_START = "__start__"


def durable_graph(graph: G, *, app: Registry, name: str | None = None) -> G:
    """Return a copy of ``graph`` that is durable in the workflows of ``app``.

    The copy can be used elsewhere too, where it does what ``graph`` does. ``graph`` itself stays as
    it is.

    Args:
        graph: A compiled graph.
        app: The app, or a registry that an app includes.
        name: What it is called in every process; its own name by default.

    Raises:
        DuplicateGraphError: The app has another graph of that name.
        TypeError: It is no compiled graph.
    """
    if not isinstance(graph, Pregel):
        remedy = "call .compile() first" if hasattr(graph, "compile") else "compile a StateGraph"
        raise TypeError(f"a compiled graph is wanted, not {type(graph).__qualname__}; {remedy}")
    determinism.install()
    catalogue = catalogue_of(app)
    if catalogue is None:
        catalogue = new_catalogue(app)
        _add_activities(app, catalogue)
    key = name or graph.get_name()
    catalogue.add_graph(key, graph)
    copied = _copied(catalogue, graph, key, root=graph)
    if isinstance(graph.checkpointer, BaseCheckpointSaver):
        copied.checkpointer = RoutingSaver(graph.checkpointer, graph=key)
    return copied


def _copied(catalogue: Catalogue, graph: G, path: str, *, root: Graph) -> G:
    nodes = {
        name: _copied_node(catalogue, graph, node, f"{path}/{name}", root)
        for name, node in graph.nodes.items()
    }
    copied = graph.copy({"nodes": nodes})
    copied.__class__ = workflow_class(type(graph))
    return copied


def _copied_node(
    catalogue: Catalogue, graph: Graph, node: PregelNode, key: str, root: Graph
) -> PregelNode:
    name = key.rpartition("/")[2]
    if name == _START:
        return node
    if isinstance(node.bound, Pregel):
        return node.copy(
            {"bound": _copied(catalogue, node.bound, key, root=root), "subgraphs": None}
        )
    known = Node(key=key, node=node, graph=graph, root=root)
    call: NodeCall | BodyCall
    if is_entrypoint(graph):
        call = BodyCall(known, Tasks(catalogue, graph, key, root))
    else:
        catalogue.nodes[key] = known
        call = NodeCall(known)

    async def run(state: Any, config: RunnableConfig) -> Any:
        return await call(state, config)

    bound = RunnableCallable(None, run, name=name, trace=False, recurse=False)
    setattr(bound, STANDS_IN_FOR, node)
    without = {"retry_policy": None, "cache_policy": None, "timeout": None}
    return node.copy({"bound": cast("Any", bound), **without})


def _add_activities(app: Registry, catalogue: Catalogue) -> None:
    @app.activity(name=NODE_ACTIVITY)
    async def graph_node(request: dict[str, Any]) -> dict[str, Any]:
        return await run_node(catalogue, request)

    @app.activity(name=CHECKPOINTER_ACTIVITY)
    async def graph_checkpointer(request: dict[str, Any]) -> str:
        return await run_checkpointer(catalogue, request)

    @app.activity(name=PUBLISH_ACTIVITY)
    async def graph_publish(stream_id: str, pieces: list[dict[str, Any]]) -> None:
        for piece in pieces:
            await append(hub_of(catalogue), stream_id, piece)
