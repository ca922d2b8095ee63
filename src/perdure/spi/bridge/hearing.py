"""Hearing: an instance's events as an execution takes them, each once, for this run or the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.spi.bridge.arrivals import event_of, is_for_workflow
from perdure.spi.bridge.channel import EVENT_CHANNEL, event_id
from perdure.spi.bridge.envelope import event_item
from perdure.spi.bridge.script import Listen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perdure.spi.bridge.envelope import Envelope
    from perdure.spi.bridge.script import Awaited
    from perdure.spi.bridge.sdk import SdkTask
    from perdure.spi.history import BufferedEvent

_MOST_IDS = 64
"""So many ids go on to the next run: a call is repeated within its deadline, not later."""


class Hearing:
    """Goes through the events of a history from its beginning, once for each execution.

    Attributes:
        ids: Those of the events heard last, oldest first, in the run and the ones before it.
        pending: The events that came too late for the run.
        is_late: Whether anything came too late for it.
    """

    def __init__(self, instance_id: str, ids: Iterable[str] = ()) -> None:
        self.ids = list(ids)
        self.pending: list[Envelope] = []
        self.is_late = False
        self._instance_id = instance_id
        self._known = set(self.ids)

    def has_heard(self, operation: Awaited, task: SdkTask) -> bool:
        """Return whether an event came before under its id, which is known from now on."""
        if not isinstance(operation, Listen) or operation.name != EVENT_CHANNEL:
            return False
        id = event_id(task.get_result())
        if id in self._known:
            return True
        if id:
            self._known.add(id)
            self.ids.append(id)
            del self.ids[:-_MOST_IDS]
        return False

    def event(self, operation: Listen, task: SdkTask) -> BufferedEvent | None:
        """Return the event that came, if it is one for a workflow and was not heard before."""
        if self.has_heard(operation, task):
            return None
        event = event_of(operation, task, instance_id=self._instance_id)
        return event if event is not None and is_for_workflow(event) else None

    def set_aside(self, operation: Awaited, task: SdkTask) -> None:
        """Keep what came after the run's last step, if it is an event, for the next run."""
        self.is_late = True
        event = self.event(operation, task) if isinstance(operation, Listen) else None
        if event is not None:
            self.keep(event)

    def keep(self, event: BufferedEvent) -> None:
        """Keep an event for the next run."""
        self.is_late = True
        self.pending.append(event_item(event))
