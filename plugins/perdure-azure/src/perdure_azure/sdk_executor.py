"""The SDK's executor of workflows, given histories that it can take; its errors name names."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from perdure.spi.bridge import with_plain_holds
from perdure.spi.remote.sdk_functions import with_names
from perdure_azure import sdk
from perdure_azure.replayed import take_replayed
from perdure_azure.rewinding import advice, refusal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

_logger = logging.getLogger(__name__)

_NAMED: Final = ("taskScheduled", "subOrchestrationInstanceCreated")


class SdkContext(sdk.OrchestrationContext):  # type: ignore[misc]  # the SDK's class is Any here
    """The context of one execution, which shows a custom status as it was written.

    Attributes:
        recorded: The numbers of the activities that history has.
    """

    recorded: AbstractSet[int] = frozenset()

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
        self._recorded = {e.eventId for e in old_events if e.HasField("taskScheduled")}
        result = _execute(self, instance_id, old_events, new_events)
        result.actions = _without_late_children(result.actions)
        return result

    def _build_rewind_result(
        self, instance_id: str, name: str, old_events: Sequence[Any], new_events: Sequence[Any]
    ) -> Any:
        extra = {"instance_id": instance_id}
        _logger.warning("%s", advice(instance_id), extra=extra)
        action = refusal(instance_id, old_events)
        return sdk.ExecutionResults(actions=[action], encoded_custom_status=None)

    def process_event(self, ctx: Any, event: Any) -> None:
        """Process an event.

        Raises:
            NonDeterminismError: The code asks for something else; told with the recorded name.
        """
        kind = event.WhichOneof("eventType")
        if kind is None:
            # Of a newer protocol. The SDK would fail the instance for it.
            if not ctx.is_replaying:
                extra = {"instance_id": ctx.instance_id}
                _logger.warning("an event of an unknown kind is passed over", extra=extra)
            return
        if ctx.is_replaying and not self._is_suspended and take_replayed(ctx, event, kind):
            return
        try:
            ctx.recorded = self._recorded
            _process_event(self, ctx, event)
        except sdk.NonDeterminismError as error:
            if kind not in _NAMED:
                raise
            name = getattr(event, kind).name
            raise sdk.NonDeterminismError(f"{error} Recorded: {name!r}.") from error


_process_event: Final = sdk.OrchestrationExecutor.process_event
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
