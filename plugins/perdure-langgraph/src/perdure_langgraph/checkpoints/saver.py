"""Where a graph's checkpoints are in a workflow: in the run's own memory, made by its history."""

from __future__ import annotations

from typing import Any

from langgraph.checkpoint.memory import InMemorySaver

import perdure
from perdure.framework import in_workflow


class WorkflowSaver(InMemorySaver):
    """Keeps checkpoints in memory; the chance in its versions is the workflow's."""

    def get_next_version(self, current: Any, channel: None) -> str:
        """Return the version after ``current``."""
        if not in_workflow():
            return super().get_next_version(current, channel)
        return next_version(current)

    def checkpoint_ids(self) -> list[str]:
        """Return the ids of all checkpoints."""
        return [
            it
            for namespaces in self.storage.values()
            for checkpoints in namespaces.values()
            for it in checkpoints
        ]


def next_version(current: Any) -> str:
    """Return the version after ``current``, in the format that LangGraph's own savers use.

    It has some chance in it, so that two forks of one checkpoint never share a version.
    """
    number = 0 if current is None else int(str(current).split(".")[0])
    return f"{number + 1:032}.{perdure.random().random():016}"
