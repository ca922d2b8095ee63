"""What was seen outside the workflow: requests as they went to the model, calls as tools got them.

Entries are JSON text in one canonical form, so that two recordings can be compared by sorting.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_RANDOM = re.compile(
    r"\b[0-9a-f]{32}\b|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
)


class Recording:
    """Everything that models and tools were asked, in the order in which it came."""

    def __init__(self) -> None:
        self.model_calls: list[str] = []
        self.tool_calls: list[str] = []

    def model_called(self, request: Any) -> None:
        """Note a request to a model."""
        self.model_calls.append(canonical(request))

    def tool_called(self, tool: str, **arguments: Any) -> None:
        """Note a tool call; for the tool itself to call."""
        self.tool_calls.append(canonical({"tool": tool, **arguments}))

    def tools(self) -> list[str]:
        """Return the names of the tools that were called, sorted."""
        return sorted(json.loads(call)["tool"] for call in self.tool_calls)


def canonical(value: Any) -> str:
    """Return ``value`` as JSON text without what is random: each such id by its place."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    places: dict[str, str] = {}
    return _RANDOM.sub(lambda m: places.setdefault(m.group(), f"id-{len(places) + 1}"), text)


def in_any_order(entries: Iterable[str]) -> list[Any]:
    """Return entries so that recordings of calls that were made at once can be compared."""
    return [json.loads(entry) for entry in sorted(entries)]
