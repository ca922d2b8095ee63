"""Which tool is which: keys of registered tools, and tools that are agents."""

from __future__ import annotations

import inspect
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent_framework import FunctionTool

    from perdure_agent_framework.catalogue import Catalogue

_AGENT_WRAPPER = "as_tool.<locals>._agent_wrapper"

# By the object itself: a copy of it, bound to another instance, is another tool.
_keys: weakref.WeakKeyDictionary[Catalogue, dict[int, tuple[str, Any]]] = (
    weakref.WeakKeyDictionary()
)


def set_key(tool: FunctionTool, catalogue: Catalogue, key: str) -> None:
    """Let ``tool`` be found under ``key``."""
    # The tool is kept beside its id, so that no other object ever gets the same id.
    _keys.setdefault(catalogue, {})[id(tool)] = (key, tool)


def key_of(tool: FunctionTool, catalogue: Catalogue) -> str | None:
    """Return the key of a registered tool."""
    found = _keys.get(catalogue, {}).get(id(tool))
    return None if found is None else found[0]


def is_agent(tool: FunctionTool) -> bool:
    """Return whether ``tool`` is what ``agent.as_tool()`` gave."""
    return getattr(tool.func, "__qualname__", "").endswith(_AGENT_WRAPPER)


def agent_in(tool: FunctionTool) -> Any:
    """Return the agent behind a tool that is one."""
    assert tool.func is not None
    return inspect.getclosurevars(tool.func).nonlocals["self"]
