"""The SDK's executors, with our JSON.

That of workflows is given histories that it can take, and its errors name names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from perdure.spi.bridge import with_plain_holds
from perdure.spi.remote.sdk_functions import with_names
from perdure_dapr import sdk
from perdure_dapr.numbers import numbering
from perdure_dapr.sdk_json import shared

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_NAMED: Final = ("taskScheduled", "childWorkflowInstanceCreated")


class SdkExecutor(sdk.OrchestrationExecutor):  # type: ignore[misc]  # the SDK's class is Any here
    """Executes one work item."""

    def execute(
        self,
        instance_id: str,
        old_events: Sequence[Any],
        new_events: Sequence[Any],
        **options: Any,
    ) -> Any:
        """Return what the execution answers."""
        plain = with_plain_holds(old_events, new_events)
        if plain is not None:
            old_events, new_events = plain
        with numbering(old_events):
            result = super().execute(instance_id, old_events, new_events, **options)
        self._registry.on_turn(instance_id, result.actions)
        return result

    def process_event(self, ctx: Any, event: Any) -> None:
        """Process an event.

        Raises:
            NonDeterminismError: The code asks for something else; told with the recorded name.
        """
        try:
            _process_event(self, ctx, event)
        except sdk.NonDeterminismError as error:
            kind = event.WhichOneof("eventType")
            if kind not in _NAMED:
                raise
            name = getattr(event, kind).name
            raise sdk.NonDeterminismError(f"{error} Recorded: {name!r}.") from error


class SdkActivityExecutor(sdk.ActivityExecutor):  # type: ignore[misc]  # as above
    """Executes one activity."""


def with_our_executor(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of the SDK's worker, but with our executor in the place of its own."""
    return with_names(method, _OrchestrationExecutor=SdkExecutor)


_process_event: Final = with_names(sdk.OrchestrationExecutor.process_event, shared=shared)
for _name in ("_resolve", "_encode_output"):
    setattr(
        SdkActivityExecutor,
        _name,
        with_names(getattr(sdk.ActivityExecutor, _name), shared=shared),
    )
