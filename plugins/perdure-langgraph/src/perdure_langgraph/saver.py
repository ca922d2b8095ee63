"""Where a graph's checkpoints are in a workflow: in the run's own memory, made by its history."""

from __future__ import annotations

from typing import Any

from langgraph.checkpoint.memory import InMemorySaver


class WorkflowSaver(InMemorySaver):
    """Keeps checkpoints in memory; versions are counted, without the chance in LangGraph's own."""

    def get_next_version(self, current: Any, channel: None) -> str:
        """Return the version after ``current``."""
        number = 0 if current is None else int(str(current).split(".")[0])
        return f"{number + 1:032}.{0:016}"
