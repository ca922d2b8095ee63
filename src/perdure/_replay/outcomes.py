"""How a run ends: from the state of its main task to the entry that closes its journal."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from perdure.errors import ForbiddenInWorkflowError
from perdure.spi.history import Completed, ContinuedAsNew, Failed
from perdure.types import Failure

if TYPE_CHECKING:
    from perdure._replay.executor import WorkflowExecutor
    from perdure.spi.history import Outcome

# asyncio's words for awaiting what belongs to another loop; the same from 3.11 to 3.13.
_FOREIGN_MARKS = (
    "attached to a different loop",
    "is bound to a different event loop",
    "got bad yield",
    "got Future",
    # What another loop's future says when a second workflow awaits it.
    "await wasn't used with future",
)


class ContinueAsNew(BaseException):
    """Leaves the workflow's code.

    On ``BaseException`` so that nothing on the way takes it for an error.
    """

    def __init__(self, arguments: str) -> None:
        super().__init__("continue as new")
        self.arguments = arguments


def ending(
    executor: WorkflowExecutor, main: asyncio.Task[str], *, violation: BaseException | None
) -> Outcome | None:
    """Return how the run ends now, or ``None`` if it goes on."""
    if violation is not None:
        return _failed(executor, violation)
    if main.done():
        return _ending_of_done(executor, main)
    if executor.is_blocked():
        return _failed(executor, _blocked(main))
    return None


def execution_timeout(now_us: int) -> Failed:
    """Return the end of a run that took longer than its ``execution_timeout``."""
    error = TimeoutError("the run did not end within its execution_timeout")
    return Failed(at_us=now_us, failure=Failure.from_exception(error, with_traceback=False))


def _ending_of_done(executor: WorkflowExecutor, main: asyncio.Task[str]) -> Outcome:
    if main.cancelled():
        # type() of what a cancelled task raises; it carries no traceback worth keeping.
        error = asyncio.CancelledError("the workflow was cancelled")
        return Failed(
            at_us=executor.now_us, failure=Failure.from_exception(error, with_traceback=False)
        )
    raised = main.exception()
    if raised is None:
        return Completed(at_us=executor.now_us, result=main.result())
    leaving = _leaving(raised)
    if leaving is not None:
        return ContinuedAsNew(
            at_us=executor.now_us, arguments=leaving.arguments, carried=executor.unconsumed_events()
        )
    if isinstance(raised, RuntimeError) and any(mark in str(raised) for mark in _FOREIGN_MARKS):
        foreign = ForbiddenInWorkflowError(
            what="awaiting something of another event loop or library",
            remedy="await activities, events, timers and what asyncio makes in this workflow",
        )
        foreign.__cause__ = raised
        return _failed(executor, foreign)
    return _failed(executor, raised)


def _leaving(raised: BaseException) -> ContinueAsNew | None:
    """Return what leaves the code for a new run: itself, or all that a task group gathered."""
    if isinstance(raised, ContinueAsNew):
        return raised
    if not isinstance(raised, BaseExceptionGroup):
        return None
    parts = [_leaving(part) for part in raised.exceptions]
    return parts[0] if all(parts) else None


def _failed(executor: WorkflowExecutor, error: BaseException) -> Failed:
    return Failed(at_us=executor.now_us, failure=Failure.from_exception(error))


def _blocked(main: asyncio.Task[Any]) -> ForbiddenInWorkflowError:
    return ForbiddenInWorkflowError(
        what=f"waiting{_place(main)} for something that nothing can bring",
        remedy="no activity, timer, child or event is open that could wake it; "
        "wait for an event or use asyncio.timeout",
    )


def _place(main: asyncio.Task[Any]) -> str:
    """Return where the user's code waits: its innermost frame, not perdure's or Python's."""
    place = ""
    awaited: Any = main.get_coro()
    while (frame := getattr(awaited, "cr_frame", None)) is not None:
        module = frame.f_globals.get("__name__", "").partition(".")[0]
        if module != "perdure" and module not in sys.stdlib_module_names:
            place = f" at {frame.f_code.co_filename}:{frame.f_lineno}"
        awaited = awaited.cr_await
    return place
