"""What the bridge needs of a generator-style SDK: its classes, and the shapes of its objects.

``durabletask`` and Dapr's SDK have the same form, since one is a fork of the other. Neither is
imported here: a backend passes the classes in. A canary test pins every name below.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


class SdkTask(Protocol):
    """Something that will be complete one day."""

    @property
    def is_failed(self) -> bool:
        """Whether it is complete, with an exception."""

    def get_result(self) -> Any:
        """Return the value, as the SDK read it from JSON."""

    def get_exception(self) -> Exception:
        """Return the exception."""


class WakeTask(SdkTask, Protocol):
    """A task that the bridge completes itself."""

    def complete(self, result: Any) -> None:
        """Complete it, and wake whatever waits for it."""


class OrchestrationContext(Protocol):
    """The SDK's context of one execution of a generator.

    ``set_failed``, ``set_complete`` and ``get_actions`` are how the SDK ends an execution. The
    bridge replaces them on one context where the SDK would fail an instance that must wait.

    Attributes:
        _sequence_number: The number of the command that was asked for last.
        _pending_actions: What was asked for and is not in history yet, by those numbers.
        _received_events: Events that nobody has taken, by their names in lower case.
    """

    _sequence_number: int
    _pending_actions: dict[int, Any]
    _received_events: dict[str, Any]

    @property
    def instance_id(self) -> str:
        """The instance."""

    @property
    def current_utc_datetime(self) -> datetime:
        """The instant of the work item that the current event came in, UTC without a zone."""

    @property
    def is_replaying(self) -> bool:
        """Whether the current event was handled before, here or elsewhere."""

    def call_activity(self, activity: str, *, input: Any) -> SdkTask:
        """Schedule an activity."""

    def call_sub_orchestrator(
        self, orchestrator: str, *, input: Any, instance_id: str | None
    ) -> SdkTask:
        """Start a child."""

    def create_timer(self, fire_at: datetime) -> SdkTask:
        """Create a timer."""

    def wait_for_external_event(self, name: str) -> SdkTask:
        """Take the next event of a name, now or when it comes."""

    def continue_as_new(self, new_input: Any, *, save_events: bool) -> None:
        """End the run; the input is serialised when the execution ends, not now."""

    def set_custom_status(self, custom_status: Any) -> None:
        """Set the custom status."""

    def set_failed(self, ex: Any) -> None:
        """End the instance with a failure."""

    def set_complete(self, result: Any, status: Any, is_result_encoded: bool = False) -> None:
        """End the instance; with an encoded result only where it was terminated."""

    def get_actions(self) -> list[Any]:
        """Return what the execution answers to the server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sdk:
    """The classes of one SDK.

    Attributes:
        composite_task: Base of tasks made of tasks, with the hook ``on_child_completed``.
        completable_task: A task that anybody may complete; made without arguments.
        non_determinism_error: What the SDK raises when history has another command than the
            generator, or one more.
        encodes_custom_status: Whether ``set_custom_status`` takes a value and not its JSON text.
        listen: Takes the next event of a name, where the SDK's own way leaves more in history.
        create_timer: Creates a timer that bears a text, where the SDK's history has room for one.
        call_activity: Schedules an activity by its name, with what gives the JSON text of its input
            and need not be asked where history has it, and the mark of the run; where the SDK's
            own way leaves more in history, or takes longer.
        watch: Calls a function once a task is complete, at once if it is; where there is a way
            that takes less than a composite of it.
        answer_of: Returns what tells the answer that a task has got from any other; where that
            takes less than the answer itself.
        detaches_children: Whether a child whose id was chosen, or that outlives its parent, must be
            started and heard apart from the vendor's own children.
    """

    composite_task: type[Any]
    completable_task: Callable[[], WakeTask]
    non_determinism_error: type[Exception]
    encodes_custom_status: bool = True
    listen: Callable[[Any, str], SdkTask] | None = None
    create_timer: Callable[[Any, datetime, str], SdkTask] | None = None
    call_activity: Callable[[Any, str, Callable[[], str], str], SdkTask] | None = None
    watch: Callable[[Any, Callable[[Any], None]], object] | None = None
    answer_of: Callable[[Any], object] = operator.methodcaller("get_result")
    detaches_children: bool = False


def watching(sdk: Sdk) -> Callable[[SdkTask, Callable[[SdkTask], None]], object]:
    """Return what calls a function once the task that it is to watch is complete.

    As a rule that is a class, and each instance a composite of one child that never completes
    itself. So nothing waits for all tasks at once, and a completion costs the same however many
    are open.
    """
    if sdk.watch is not None:
        return sdk.watch

    def begin(self: Any, task: SdkTask, notify: Callable[[SdkTask], None]) -> None:
        # Before the base's own, which calls the hook at once for a task that is complete already.
        self._notify = notify
        sdk.composite_task.__init__(self, [task])

    def on_child_completed(self: Any, task: SdkTask) -> None:
        self._notify(task)

    members = {"__init__": begin, "on_child_completed": on_child_completed}
    return type("Watch", (sdk.composite_task,), members)
