"""What goes wrong with durable graphs, beside what perdure's and LangGraph's own errors say."""

from __future__ import annotations

from perdure import PerdureError


class GraphNotRegisteredError(PerdureError, LookupError):
    """A worker was asked for a graph, or a node of one, that its app does not have."""

    def __init__(self, *, kind: str, name: str, known: list[str]) -> None:
        have = ", ".join(sorted(known)) or "none"
        super().__init__(
            f"this app has no {kind} {name!r}; it has: {have}. Register the graph before the "
            "worker starts: durable_graph(graph, app=app, name=…) or DurableGraphRunner(graph, …)"
        )


class DuplicateGraphError(PerdureError, ValueError):
    """Two different graphs of one name are registered with one app."""

    def __init__(self, *, name: str) -> None:
        super().__init__(
            f"two graphs of this app are named {name!r}; give one of them another name=…, or "
            "register them with apps of their own"
        )
        self.name = name


class UnserializableStateError(PerdureError, TypeError):
    """A value that a node takes or gives cannot be stored."""

    def __init__(self, *, what: str, problem: str) -> None:
        super().__init__(
            f"{what} cannot be stored: {problem}; use types that LangGraph's serializer knows, or "
            "keep the value out of the graph's state"
        )


class NodeError(PerdureError):
    """A node raised something whose class this process does not know.

    Attributes:
        node: The node.
        type: The class of what it raised, as ``module.QualName``.
    """

    def __init__(self, *, node: str, type: str, message: str) -> None:
        super().__init__(message)
        self.node = node
        self.type = type
