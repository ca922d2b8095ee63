"""State snapshots as they come from a thread."""

from __future__ import annotations

from typing import Any

from langgraph.types import PregelTask, StateSnapshot


def snapshot_from(data: dict[str, Any]) -> StateSnapshot:
    """Return the snapshot of its fields."""
    return StateSnapshot(
        **{
            **data,
            "tasks": tuple(_task_from(task) for task in data["tasks"]),
            "interrupts": tuple(data["interrupts"]),
            "next": tuple(data["next"]),
        }
    )


def _task_from(data: dict[str, Any]) -> PregelTask:
    state = data.get("state")
    if isinstance(state, dict) and "snapshot" in state:
        state = snapshot_from(state["snapshot"])
    interrupts = tuple(data.get("interrupts") or ())
    return PregelTask(
        **{**data, "interrupts": interrupts, "state": state, "path": tuple(data["path"])}
    )
