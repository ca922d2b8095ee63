"""References to classes and functions by where they can be imported from, in any process."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from perdure_agent_framework.errors import AgentNotRegisteredError


def reference_to(target: Any) -> str | None:
    """Return ``module:qualified.name`` of ``target``, or ``None`` if importing it finds another.

    What is in ``__main__`` has no reference: another process has another one.
    """
    module = getattr(target, "__module__", None)
    name = getattr(target, "__qualname__", "")
    if not isinstance(module, str) or module == "__main__" or "<" in name or not name:
        return None
    try:
        found = _look_up(sys.modules[module], name)
    except (KeyError, AttributeError):
        return None
    # A decorator such as @tool puts an object of its own in the function's place.
    return f"{module}:{name}" if found is target or _wraps(found, target) else None


def resolve(reference: str) -> Any:
    """Return what :func:`reference_to` was given, or what wraps it.

    Raises:
        AgentNotRegisteredError: This process cannot import it.
    """
    module, _, name = reference.partition(":")
    try:
        return _look_up(import_module(module), name)
    except (ImportError, AttributeError) as err:
        raise AgentNotRegisteredError(kind="object", name=reference, known=[]) from err


def _look_up(module: Any, name: str) -> Any:
    found = module
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _wraps(found: Any, target: Any) -> bool:
    return getattr(found, "func", None) is target or getattr(found, "__wrapped__", None) is target
