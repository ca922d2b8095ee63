"""The answer to an interrupt that was given without saying which interrupt it is for."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langgraph._internal._scratchpad import PregelScratchpad


def open_answer(scratchpad: PregelScratchpad | None) -> Any:
    """Return the answer that the next ``interrupt`` would take; ``None`` if it is taken already.

    LangGraph's own look without taking (``get_null_resume(False)``) still returns what another task
    has taken, so what it looks at is looked at here.
    """
    if scratchpad is None:
        return None
    seen = inspect.getclosurevars(scratchpad.get_null_resume).nonlocals
    write = seen["null_resume_write"]
    if write is None:
        return open_answer(seen["parent_scratchpad"])
    return write[2] if write in seen["pending_writes"] else None
