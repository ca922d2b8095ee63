"""Catalogues: the graphs of an app, with the nodes that activities find by key."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perdure_langgraph.errors import DuplicateGraphError, GraphNotRegisteredError

if TYPE_CHECKING:
    from langgraph.pregel import Pregel
    from langgraph.pregel._read import PregelNode

    from perdure import Registry
    from perdure.streams import StreamHub
    from perdure_langgraph.nodes.tasks import Tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node as the user made it.

    Attributes:
        key: ``"graph/node"``; for a node of a sub-graph ``"graph/node/inner"``.
        node: The node itself.
        graph: The graph that it is a node of.
        root: The graph that was registered, whose store, cache and callbacks its sub-graphs use.
    """

    key: str
    node: PregelNode
    graph: Pregel[Any, Any, Any, Any]
    root: Pregel[Any, Any, Any, Any]


class Catalogue:
    """What the activities of one app find by key.

    Attributes:
        graphs: The user's own graphs, by name.
        nodes: By ``"graph/node"``; tasks by ``"graph/entrypoint/module:function"``.
        task_paths: The tasks of each entrypoint, by ``"graph/entrypoint"``.
        hub: Where what runs stream is published; ``None`` for the one of the environment.
    """

    def __init__(self) -> None:
        self.graphs: dict[str, Pregel[Any, Any, Any, Any]] = {}
        self.nodes: dict[str, Node] = {}
        self.task_paths: dict[str, Tasks] = {}
        self.hub: StreamHub | None = None

    def add_graph(self, name: str, graph: Pregel[Any, Any, Any, Any]) -> None:
        """Let ``graph`` be found under ``name``.

        Raises:
            DuplicateGraphError: Another one has that name.
        """
        if self.graphs.setdefault(name, graph) is not graph:
            raise DuplicateGraphError(name=name)

    def find_graph(self, name: str) -> Pregel[Any, Any, Any, Any]:
        """Return the graph of that name.

        Raises:
            GraphNotRegisteredError: There is none.
        """
        if name not in self.graphs:
            raise GraphNotRegisteredError(kind="graph", name=name, known=list(self.graphs))
        return self.graphs[name]

    def find_node(self, key: str) -> Node:
        """Return the node of that key.

        Raises:
            GraphNotRegisteredError: There is none.
        """
        if key not in self.nodes:
            path = key.rpartition("/")[0]
            if path in self.task_paths and (task := self.task_paths[path].imported(key)):
                return task
            raise GraphNotRegisteredError(kind="node", name=key, known=list(self.nodes))
        return self.nodes[key]


_catalogues: weakref.WeakKeyDictionary[Registry, Catalogue] = weakref.WeakKeyDictionary()


def catalogue_of(registry: Registry) -> Catalogue | None:
    """Return the catalogue of an app, or ``None`` if no graph was registered with it."""
    return _catalogues.get(registry)


def new_catalogue(registry: Registry) -> Catalogue:
    """Return a catalogue for an app that has none."""
    catalogue = _catalogues[registry] = Catalogue()
    return catalogue
