"""Durable graphs: LangGraph graphs whose nodes are activities."""

from __future__ import annotations

from perdure_langgraph.durable import durable_graph
from perdure_langgraph.errors import (
    DuplicateGraphError,
    GraphNotRegisteredError,
    NodeError,
    UnserializableStateError,
)
from perdure_langgraph.runner import DurableGraphRunner

__all__ = [
    "DuplicateGraphError",
    "DurableGraphRunner",
    "GraphNotRegisteredError",
    "NodeError",
    "UnserializableStateError",
    "durable_graph",
]
