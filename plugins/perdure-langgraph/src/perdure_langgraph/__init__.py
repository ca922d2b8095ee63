"""Durable graphs: LangGraph graphs whose nodes are activities."""

from __future__ import annotations

from perdure_langgraph.durable import durable_graph
from perdure_langgraph.errors import (
    CallbacksInWorkflowError,
    DuplicateGraphError,
    GraphNotRegisteredError,
    NoCheckpointerError,
    NodeError,
    NodeGoneError,
    StreamModesError,
    ThreadEndedError,
    UnserializableStateError,
)
from perdure_langgraph.runner import DurableGraphRunner
from perdure_langgraph.streaming.views import GraphChunk
from perdure_langgraph.threads.approvals import GraphApproval

__all__ = [
    "CallbacksInWorkflowError",
    "DuplicateGraphError",
    "DurableGraphRunner",
    "GraphApproval",
    "GraphChunk",
    "GraphNotRegisteredError",
    "NoCheckpointerError",
    "NodeError",
    "NodeGoneError",
    "StreamModesError",
    "ThreadEndedError",
    "UnserializableStateError",
    "durable_graph",
]
