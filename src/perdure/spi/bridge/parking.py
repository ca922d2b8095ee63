"""Parking: an instance that this worker cannot go on with stays as it is, instead of failing.

The execution answers the server with nothing. Its events become part of history, and the next
execution by a worker with fitting code issues what is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure.spi.bridge.messages import WireFailure

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure.spi.bridge.sdk import OrchestrationContext, Sdk


def guard(
    context: OrchestrationContext,
    sdk: Sdk,
    *,
    park: Callable[[Exception], None],
    is_over: Callable[[], bool],
    ending: Callable[[], None],
    answering: Callable[[], None],
) -> None:
    """Be told before the SDK ends the instance, and before it answers the server.

    Args:
        context: The SDK's, of one execution.
        sdk: Its classes.
        park: Called instead where the SDK would fail the instance for not matching its history.
            Whatever it stumbles over once the workflow has ended is history that goes on.
        is_over: Whether the workflow has ended.
        ending: Called while the context still has what was asked for in this work item.
        answering: Called while the custom status can still be set.
    """
    complete, fail, actions = context.set_complete, context.set_failed, context.get_actions

    def set_complete(result: Any, status: Any, is_result_encoded: bool = False) -> None:
        ending()
        complete(result, status, is_result_encoded)

    def set_failed(ex: Any) -> None:
        is_ours = isinstance(ex, WireFailure)
        if isinstance(ex, sdk.non_determinism_error) or (is_over() and not is_ours):
            park(ex)
        else:
            ending()
            fail(ex)

    def get_actions() -> list[Any]:
        answering()
        return actions()

    _replace(context, "set_complete", set_complete)
    _replace(context, "set_failed", set_failed)
    _replace(context, "get_actions", get_actions)


def answer_nothing(context: OrchestrationContext) -> None:
    """Let this execution answer the server with no action, but for a termination."""
    terminate, actions = context.set_complete, context.get_actions

    def set_complete(result: Any, status: Any, is_result_encoded: bool = False) -> None:
        # Only what ends an instance from outside comes encoded; it also ends a parked one.
        if is_result_encoded:
            terminate(result, status, is_result_encoded)
            _replace(context, "get_actions", lambda: actions()[-1:])

    _replace(context, "set_failed", _ignore)
    _replace(context, "set_complete", set_complete)
    _replace(context, "get_actions", list)


def _ignore(ex: Any) -> None:
    """Do nothing: history may hold commands that this worker has not issued."""


def _replace(context: OrchestrationContext, method: str, function: Callable[..., Any]) -> None:
    setattr(context, method, function)
