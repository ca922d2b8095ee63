"""A tool's own limits, ``max_invocations`` and ``max_invocation_exceptions``, in workflows.

The framework counts on the tool object, for as long as the process lives; a replay would count
again, and another worker would not know. Here they are counted per run of a workflow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent_framework.exceptions import ToolException

if TYPE_CHECKING:
    from agent_framework import FunctionTool


@dataclass
class _Count:
    tool: FunctionTool  # kept, so that no other object ever gets its id
    calls: int = 0
    failures: int = 0


@dataclass
class ToolCounts:
    """How often tools were called in one run of a workflow, retries not counted."""

    _counts: dict[int, _Count] = field(default_factory=dict)

    def begin(self, tool: FunctionTool) -> None:
        """Count a call.

        Raises:
            ToolException: The tool allows no more; told to the model.
        """
        count = self._of(tool)
        # In the framework's words.
        if tool.max_invocations is not None and count.calls >= tool.max_invocations:
            raise ToolException(
                f"Function '{tool.name}' has reached its maximum invocation limit, "
                "you can no longer use this tool."
            )
        limit = tool.max_invocation_exceptions
        if limit is not None and count.failures >= limit:
            raise ToolException(
                f"Function '{tool.name}' has reached its maximum exception limit, "
                "you tried to use this tool too many times and it kept failing."
            )
        count.calls += 1

    def failed(self, tool: FunctionTool) -> None:
        """Count a call that raised."""
        self._of(tool).failures += 1

    def _of(self, tool: FunctionTool) -> _Count:
        return self._counts.setdefault(id(tool), _Count(tool))
