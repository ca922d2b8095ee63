"""Shapes: graphs and what is asked of them, to be played plainly and durably."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from langgraph.pregel import Pregel
    from langgraph.types import StateSnapshot

Graph: TypeAlias = "Pregel[Any, Any, Any, Any]"
Turn: TypeAlias = "Callable[[StateSnapshot], Any]"
"""Makes the next input from the state before it."""


class Log:
    """What the nodes say of themselves: each notes that it runs."""

    def __init__(self) -> None:
        self.entries: list[str] = []

    def note(self, entry: str) -> None:
        """Note an execution; for a node to call."""
        self.entries.append(entry)

    def counted(self) -> dict[str, int]:
        """Return how often each entry was noted."""
        return dict(sorted(Counter(self.entries).items()))


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A graph, and what is asked of it one after another on a thread.

    Attributes:
        graph: Compiled without a checkpointer; each way of playing brings its own.
        turns: Inputs, or functions that make them from the state.
        modes: Which stream modes are compared.
        options: What each run is given beside its input.
        configurable: What is in the config beside the thread's id.
        config: What is in the config beside ``configurable``.
        has_memory: Whether it has a checkpointer, and with it a state between the turns.
    """

    graph: Graph
    turns: Sequence[Any]
    modes: tuple[str, ...] = ("values", "updates", "custom", "tasks")
    options: dict[str, Any] = field(default_factory=dict)
    configurable: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    has_memory: bool = True

    def config_of(self, thread_id: str) -> dict[str, Any]:
        """Return the config of every run."""
        return {**self.config, "configurable": {**self.configurable, "thread_id": thread_id}}


Build: TypeAlias = Callable[[Log], Shape]
"""Makes a shape anew, whose nodes note their executions."""
