"""The replay core.

A deterministic asyncio loop and the executor that drives it. Sans-I/O: events in, commands out.
"""

from __future__ import annotations

from perdure._replay.current import current_executor, require_executor
from perdure._replay.definition import ActivityCall, ChildCall, RunInfo, WorkflowDefinition
from perdure._replay.executor import WorkflowExecutor

__all__ = [
    "ActivityCall",
    "ChildCall",
    "RunInfo",
    "WorkflowDefinition",
    "WorkflowExecutor",
    "current_executor",
    "require_executor",
]
