"""The commands of one instance that something outside must complete: activities and children."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from perdure._replay.calls import ChildRun, child_instance_id
from perdure.spi.history import ActivityScheduled, ChildStarted

if TYPE_CHECKING:
    from perdure._replay.definition import ActivityCall, ChildCall
    from perdure._replay.executor import WorkflowExecutor
    from perdure._replay.futures import WorkflowFuture
    from perdure._replay.loop import WorkflowLoop
    from perdure._replay.recorded import CommandLog
    from perdure.spi.history import HistoryEvent

CommandT = TypeVar("CommandT", ActivityScheduled, ChildStarted)
_MICROSECOND = timedelta(microseconds=1)


class OpenCommands:
    """Activities and children that have not ended, each with the future of its outcome."""

    def __init__(self, executor: WorkflowExecutor, loop: WorkflowLoop, log: CommandLog) -> None:
        self._executor = executor
        self._loop = loop
        self._log = log
        self._activities: dict[int, tuple[ActivityScheduled, WorkflowFuture]] = {}
        self._children: dict[int, tuple[ChildStarted, WorkflowFuture]] = {}

    def __bool__(self) -> bool:
        return bool(self._activities or self._children)

    def activities(self) -> list[ActivityScheduled]:
        """Return the open activities, in the order of their commands."""
        return [scheduled for scheduled, _ in self._activities.values()]

    def children(self) -> list[ChildStarted]:
        """Return the open children, in the order of their commands."""
        return [started for started, _ in self._children.values()]

    def take_activity(self, command_id: int) -> WorkflowFuture | None:
        """Return the future of an activity that ended, and forget it.

        ``None`` if none is open under that id.
        """
        entry = self._activities.pop(command_id, None)
        return entry and entry[1]

    def take_child(self, command_id: int) -> WorkflowFuture | None:
        """Return the future of a child that ended, and forget it.

        ``None`` if none is open under that id.
        """
        entry = self._children.pop(command_id, None)
        return entry and entry[1]

    def schedule_activity(
        self, call: ActivityCall, *, attempt: int = 1, first: ActivityScheduled | None = None
    ) -> tuple[ActivityScheduled | None, WorkflowFuture]:
        """Issue the command of one attempt; return it, and the future of its outcome.

        A further attempt is given the ``first``: it has its key and its arguments, whatever the
        workflow has done to the values since.
        """
        future = self._loop.create_future()
        if self._loop.is_tearing_down:
            return None, future
        command_id = self._log.next_id()
        event = self._recorded(ActivityScheduled, command_id, call.name)
        if event is None or self._log.makes_payloads:
            made = ActivityScheduled(
                at_us=self._executor.now_us,
                id=command_id,
                name=call.name,
                # May raise for a value that is no payload. The number is then used up, so that a
                # replay sees the gap and runs into the same error.
                arguments=first.arguments if first else self._encoded(call, event),
                attempt=attempt,
                key_id=first.id if first else command_id,
                timeout_us=None if call.timeout is None else call.timeout // _MICROSECOND,
                delivery=call.delivery,
            )
            event = self._issued(event, made)
        self._activities[command_id] = (event, future)
        return event, future

    def start_child(self, call: ChildCall) -> ChildRun:
        """Issue the command that starts a child."""
        future = self._loop.create_future()
        if self._loop.is_tearing_down:
            return ChildRun(id=0, instance_id="", call=call, future=future)
        command_id = self._log.next_id()
        event = self._recorded(ChildStarted, command_id, call.workflow)
        if event is None or self._log.makes_payloads:
            made = ChildStarted(
                at_us=self._executor.now_us,
                id=command_id,
                workflow=call.workflow,
                instance_id=call.instance_id or child_instance_id(self._executor, command_id),
                arguments=self._encoded(call, event),
                on_parent_end=call.on_parent_end,
                headers=self._executor.info.headers,
            )
            event = self._issued(event, made)
        self._children[command_id] = (event, future)
        return ChildRun(id=command_id, instance_id=event.instance_id, call=call, future=future)

    def _recorded(self, kind: type[CommandT], command_id: int, name: str) -> CommandT | None:
        try:
            return self._log.recorded(kind, command_id, name)
        except BaseException as error:
            self._executor.halt(error)
            raise

    def _encoded(self, call: ActivityCall | ChildCall, recorded: HistoryEvent | None) -> str:
        try:
            return call.encode()
        except Exception as error:
            if recorded is not None:
                self._executor.halt(self._log.refused(recorded, error))
            raise

    def _issued(self, recorded: CommandT | None, made: CommandT) -> CommandT:
        try:
            if recorded is None:
                self._log.issue(made)
                return made
            self._log.compare(recorded, made)
        except BaseException as error:
            self._executor.halt(error)
            raise
        return recorded
