"""Jobs: what a side does at one go. Its activities are empty, so that the way to them is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shape = Literal[
    "chain",
    "fan_out",
    "children",
    "first_activity",
    "event",
    "timer",
    "idle",
    "steps",
    "agent",
    "graph",
    "example",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a side does at one go.

    Attributes:
        shape: What an instance does. ``chain``: activities one after the other; ``fan_out``: all
            at once; ``children``: child workflows of one activity each, one after the other; all
            three from start to result. ``first_activity``: from the start to the first line of an
            activity. ``event``: from raising an event, for which it waits, to the first line of an
            activity. ``timer``: from the instant at which a timer is due to the first line of an
            activity. ``idle``: from the start until it waits for an event; it stays. ``steps``:
            started; its activities, one after the other, write down that they run. ``agent``: an
            answer of an agent that calls tools, one after the other. ``graph``: a run of a graph.
            ``example``: an answer of one of the examples.
        size: How many activities, children, seconds, tool calls or node executions it has.
        instances: How many instances there are.
        clients: How many of them are under way at once; each client waits for one to end before it
            starts the next.
    """

    shape: Shape
    size: float = 1
    instances: int = 1
    clients: int = 1

    @property
    def expected(self) -> float:
        """The result of an instance, where it is no instant."""
        size = int(self.size)
        if self.shape in ("agent", "graph", "example"):
            return size
        return size * (size - 1) // 2 if self.shape == "fan_out" else size - 1
