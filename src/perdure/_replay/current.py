"""Which executor, if any, runs the code that asks.

The running event loop is the answer; no context variable can go astray.
"""

from __future__ import annotations

from asyncio import _get_running_loop
from typing import TYPE_CHECKING

from perdure._replay.loop import WorkflowLoop
from perdure.errors import NotInWorkflowError

if TYPE_CHECKING:
    from perdure._replay.executor import WorkflowExecutor


def current_executor() -> WorkflowExecutor | None:
    """Return the executor of the workflow that runs now in this thread, or ``None`` outside one."""
    loop = _get_running_loop()
    return loop.executor if isinstance(loop, WorkflowLoop) else None


def require_executor(
    what: str, *, remedy: str = "call it from a function decorated with @app.workflow"
) -> WorkflowExecutor:
    """Return the executor of the workflow that runs now.

    Raises:
        NotInWorkflowError: No workflow runs in this thread.
    """
    executor = current_executor()
    if executor is None:
        raise NotInWorkflowError(what=what, remedy=remedy)
    return executor
