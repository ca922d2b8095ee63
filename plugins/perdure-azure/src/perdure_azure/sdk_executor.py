"""The SDK's executor of workflows, given histories that it can take; its errors name names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from perdure.spi.bridge import with_plain_holds
from perdure.spi.remote.sdk_functions import with_names
from perdure_azure import sdk

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAMED: Final = ("taskScheduled", "subOrchestrationInstanceCreated")


class SdkContext(sdk.OrchestrationContext):  # type: ignore[misc]  # the SDK's class is Any here
    """The context of one execution, which shows a custom status as it was written."""

    def set_custom_status(self, custom_status: Any) -> None:
        """Set the custom status to a JSON text; the SDK would take ``null`` for none."""
        self._encoded_custom_status = custom_status


class SdkExecutor(sdk.OrchestrationExecutor):  # type: ignore[misc]  # the SDK's class is Any here
    """Executes one work item."""

    def execute(
        self, instance_id: str, old_events: Sequence[Any], new_events: Sequence[Any]
    ) -> Any:
        """Return what the execution answers."""
        plain = with_plain_holds(old_events, new_events)
        if plain is not None:
            old_events, new_events = plain
        result = _execute(self, instance_id, old_events, new_events)
        result.actions = _without_late_children(result.actions)
        return result

    def process_event(self, ctx: Any, event: Any) -> None:
        """Process an event.

        Raises:
            NonDeterminismError: The code asks for something else; told with the recorded name.
        """
        try:
            super().process_event(ctx, event)
        except sdk.NonDeterminismError as error:
            kind = event.WhichOneof("eventType")
            if kind not in _NAMED:
                raise
            name = getattr(event, kind).name
            raise sdk.NonDeterminismError(f"{error} Recorded: {name!r}.") from error


_execute: Final = with_names(
    sdk.OrchestrationExecutor.execute, _RuntimeOrchestrationContext=SdkContext
)


def _without_late_children(actions: list[Any]) -> list[Any]:
    """Return the actions of a turn; those of one that an end by force cuts short are that alone.

    The SDK sends along what the code has asked for just before, and children would begin that
    nobody ends any more.
    """
    ended = [action for action in actions if _is_terminated(action)]
    return ended or actions


def _is_terminated(action: Any) -> bool:
    status: int = action.completeOrchestration.orchestrationStatus
    return status == int(sdk.pb.ORCHESTRATION_STATUS_TERMINATED)
