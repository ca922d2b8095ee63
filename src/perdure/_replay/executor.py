"""The executor: runs one workflow instance, sans-I/O. One event in, entries for the journal out."""

from __future__ import annotations

import contextvars
import logging
import platform
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from perdure._replay import calls, guards, outcomes
from perdure._replay.commands import OpenCommands
from perdure._replay.definition import RunInfo
from perdure._replay.draws import SeededDraws
from perdure._replay.event_buffer import EventBuffer
from perdure._replay.loop import WorkflowLoop
from perdure._replay.recorded import CommandLog
from perdure._replay.teardown import tear_down
from perdure._replay.timers import TimerTable
from perdure._version import __version__
from perdure.spi.history import (
    CANCEL_EVENT,
    EXECUTION_DEADLINE_ID,
    ActivityCompleted,
    ActivityFailed,
    BufferedEvent,
    ChildCompleted,
    ChildFailed,
    ContinuedAsNew,
    EventReceived,
    HistoryEvent,
    Resumed,
    Suspended,
    Terminated,
    TimerFired,
    WorkflowStarted,
)

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

    from perdure._replay.definition import ActivityCall, ChildCall, WorkflowDefinition
    from perdure._replay.futures import WorkflowFuture
    from perdure.spi.history import ActivityScheduled, ChildStarted, Outcome

_logger = logging.getLogger("perdure.workflow")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class WorkflowExecutor(SeededDraws):
    """Runs one instance; see :class:`perdure.spi.program.Executor` for the host's side of it."""

    info: RunInfo

    def __init__(self, definition: WorkflowDefinition, *, strict: bool = False) -> None:
        guards.install()
        self._definition = definition
        self._log = CommandLog(strict=strict)
        self._loop = WorkflowLoop(self)  # type: ignore[abstract]  # the rest is refused
        self._context = contextvars.Context()
        self._events = EventBuffer(self._loop)
        self.commands = OpenCommands(self, self._loop, self._log)
        self._main: asyncio.Task[str] | None = None
        self._patches: frozenset[str] = frozenset()
        self._violation: BaseException | None = None
        self._mismatch: BaseException | None = None
        self._is_closed = False
        self.timers = TimerTable(self, self._log)
        self.now_us = 0
        self.instance_id = ""
        self.outcome: Outcome | None = None
        self.custom_status_json: str | None = None

    @classmethod
    def rebuild(
        cls,
        definition: WorkflowDefinition,
        journal: Iterable[HistoryEvent],
        *,
        strict: bool = False,
    ) -> WorkflowExecutor:
        """Return an executor that has gone through ``journal``.

        Raises:
            NonDeterminismError: The code does not issue the commands that the journal holds. The
                executor is torn down.
        """
        executor = cls(definition, strict=strict)
        try:
            executor._replay(journal)
        except BaseException:
            executor.close()
            raise
        return executor

    def _replay(self, journal: Iterable[HistoryEvent]) -> None:
        self._log.is_replaying = True
        for event, commands in _by_input(journal):
            self._log.entries.clear()
            self._log.expect(commands)
            self._apply(event)
            self._log.finish_input()
        self._log.is_replaying = False

    # -- the host's side --------------------------------------------------------------------------

    @property
    def is_replaying(self) -> bool:
        """Whether the code runs over what has happened already."""
        return self._log.is_replaying

    def deliver(self, event: HistoryEvent) -> list[HistoryEvent]:
        """Apply one input; see the protocol."""
        entries = self._log.entries = []
        at_us = max(event.at_us, self.now_us)
        if type(event) not in _CONTROL:
            self._fire_due(at_us)
        if self.outcome is None:
            self._apply(event if event.at_us == at_us else replace(event, at_us=at_us))
        elif entries and type(event) is EventReceived:
            self._carry(event, entries)
        return entries

    def _carry(self, event: EventReceived, entries: list[HistoryEvent]) -> None:
        """Give the next run an event that found this one just continued as new, by a timer."""
        if isinstance(self.outcome, ContinuedAsNew):
            late = BufferedEvent(name=event.name, payload=event.payload)
            self.outcome = replace(self.outcome, carried=(*self.outcome.carried, late))
            entries[-1] = self.outcome

    def advance(self, at_us: int) -> list[HistoryEvent]:
        """Fire the timers due at ``at_us``; see the protocol."""
        entries = self._log.entries = []
        self._fire_due(max(at_us, self.now_us))
        return entries

    def _fire_due(self, at_us: int) -> None:
        while self.outcome is None and (due := self.timers.first_due(at_us)) is not None:
            self._apply(TimerFired(at_us=at_us, id=due))

    def next_deadline_us(self) -> int | None:
        """Return the instant of the earliest open timer."""
        return self.timers.next_deadline_us() if self.outcome is None else None

    def open_activities(self) -> list[ActivityScheduled]:
        """Return the activities scheduled and not completed."""
        return self.commands.activities()

    def open_children(self) -> list[ChildStarted]:
        """Return the children started and not completed."""
        return self.commands.children()

    def open_waits(self) -> list[str]:
        """Return the names of the events waited for."""
        return self._events.open_waits()

    def close(self) -> None:
        """Tear the suspended code down."""
        if not self._is_closed:
            self._is_closed = True
            tear_down(self._loop)

    # -- applying an input
    # ----------------------------------------------------------------------------

    def _apply(self, event: HistoryEvent) -> None:
        handler = _HANDLERS.get(type(event))
        if handler is None:
            raise TypeError(f"{type(event).__name__} is not an input of an executor")
        if type(event) is WorkflowStarted:
            if self._main is not None:
                raise ValueError(f"workflow instance {self.instance_id!r} has started already")
            event = self._stamped(event)
        elif self._main is None:
            raise ValueError(
                f"the first input of a run is its WorkflowStarted, not {type(event).__name__}"
            )
        if not handler(self, event):
            return
        if self.outcome is None:
            self._run()

    def _begin(self, event: HistoryEvent) -> None:
        self.now_us = event.at_us
        self._log.begin(event)

    def _run(self) -> None:
        self._loop.run_until_idle()
        if self._mismatch is not None:
            raise self._mismatch
        assert self._main is not None
        ending = outcomes.ending(self, self._main, violation=self._violation)
        if ending is not None:
            self._end(ending)

    def _end(self, ending: Outcome) -> None:
        if type(ending) is Terminated:
            self.outcome = ending
        else:
            self.outcome = self._log.end(ending)  # type: ignore[assignment]
        self.close()

    def _stamped(self, event: WorkflowStarted) -> WorkflowStarted:
        """Return the start with what only the worker that begins the run can know."""
        if event.patches is not None:
            return event
        return replace(
            event,
            patches=self._definition.patches,
            python=platform.python_version(),
            perdure=__version__,
        )

    def _on_started(self, event: WorkflowStarted) -> bool:
        self._begin(event)
        self._log.instance_id = self.instance_id = event.instance_id
        self._patches = frozenset(event.patches or ())
        self.info = RunInfo(
            instance_id=event.instance_id,
            run_id=event.run_id,
            workflow=event.workflow,
            started_at=self.now(),
            tags=event.tags,
            headers=event.headers,
            parent=event.parent,
        )
        self.seed = event.seed
        for carried in event.carried:
            if carried.name != CANCEL_EVENT:
                self._events.put(carried.name, carried.payload)
        if event.execution_deadline_us is not None:
            self.timers.set_execution_deadline(event.execution_deadline_us)
        self._main = self._context.run(
            self._loop.create_task,
            self._definition.run(event.arguments),
            name=event.workflow,
            context=self._context,
        )
        if any(carried.name == CANCEL_EVENT for carried in event.carried):
            self._loop.call_soon(self._main.cancel)  # after its first step, where it can catch it
        return True

    def _on_activity(self, event: ActivityCompleted | ActivityFailed) -> bool:
        return self._settle(event, self.commands.take_activity(event.id))

    def _on_child(self, event: ChildCompleted | ChildFailed) -> bool:
        return self._settle(event, self.commands.take_child(event.id))

    def _settle(self, event: Any, future: WorkflowFuture | None) -> bool:
        if future is None:
            return False
        self._begin(event)
        if not future.done():  # else: the wait was given up, and this late result is dropped
            future.set_result(event.result if hasattr(event, "result") else event.failure)
        return True

    def _on_timer(self, event: TimerFired) -> bool:
        if not self.timers.is_open(event.id):
            return False
        self._begin(event)
        if event.id == EXECUTION_DEADLINE_ID:
            self._end(outcomes.execution_timeout(self.now_us))
            return True
        handle = self.timers.take(event.id)
        if handle is not None:
            self._loop.fire(handle)
        return True

    def _on_event(self, event: EventReceived) -> bool:
        self._begin(event)
        if event.name == CANCEL_EVENT:
            assert self._main is not None
            self._main.cancel()
        else:
            self._events.put(event.name, event.payload)
        return True

    def _on_noted(self, event: HistoryEvent) -> bool:
        self._begin(event)
        if isinstance(event, Terminated):
            self._end(event)
        return False

    # -- the workflow's side
    # ------------------------------------------------------------------------------

    async def call_activity(self, call: ActivityCall) -> str:
        """Return the result of an activity; see :func:`perdure._replay.calls.call_activity`."""
        return await calls.call_activity(self, call)

    def start_child(self, call: ChildCall) -> calls.ChildRun:
        """Start a child; it is on its way whether or not its result is awaited."""
        return self.commands.start_child(call)

    async def wait_for_event(self, name: str) -> str:
        """Return the payload of the next event of ``name``."""
        return await self._events.take(name)

    def set_custom_status(self, json_text: str) -> None:
        """Set what the instance shows of its progress."""
        if not self._loop.is_tearing_down:
            self.custom_status_json = json_text

    def continue_as_new(self, encode: Callable[[], str]) -> NoReturn:
        """End this run and begin the next."""
        raise outcomes.ContinueAsNew(encode())

    def patched(self, name: str) -> bool:
        """Return whether this run began with code that declares the patch ``name``."""
        if name not in self._definition.patches:
            declared = ", ".join(self._definition.patches) or "none"
            raise ValueError(
                f"workflow {self._definition.name!r} does not declare the patch {name!r} "
                f"(declared: {declared}); "
                f"add it: @app.workflow(patches=({name!r},))"
            )
        return name in self._patches

    def now(self) -> datetime:
        """Return the instant of the event being delivered."""
        return _EPOCH + timedelta(microseconds=self.now_us)

    def unconsumed_events(self) -> tuple[Any, ...]:
        """Return the events that nobody has taken."""
        return self._events.unconsumed()

    def is_blocked(self) -> bool:
        """Return whether nothing that can still come would wake the workflow."""
        return not (self.commands or self.timers.are_pending() or self._events.open_waits())

    # -- misdeeds
    # ----------------------------------------------------------------------------------------

    def fail_with(self, error: BaseException) -> None:
        """Note that the workflow did what it must not.

        It fails, whatever its code makes of ``error``.
        """
        self._violation = self._violation or error

    def halt(self, error: BaseException) -> None:
        """Note that the code left its history.

        :meth:`deliver` and :meth:`rebuild` raise ``error``.
        """
        self._mismatch = self._mismatch or error
        self._loop.is_halted = True

    def leave_history(self, *, recorded: str, asked: str) -> BaseException:
        """Halt, as history has something else than the code asks for; return the error."""
        error = self._log.mismatch(recorded, asked)
        self.halt(error)
        return error


def _by_input(journal: Iterable[HistoryEvent]) -> Iterable[tuple[HistoryEvent, list[HistoryEvent]]]:
    """Yield each input of a journal with the commands that followed it."""
    event: HistoryEvent | None = None
    commands: list[HistoryEvent] = []
    for entry in journal:
        if entry.is_command:
            commands.append(entry)
            continue
        if event is not None:
            yield event, commands
        event, commands = entry, []
    if event is not None:
        yield event, commands


# Force and holds are not the workflow's business: what is due by then is not run before them.
_CONTROL = frozenset({Suspended, Resumed, Terminated})

_HANDLERS: dict[type[HistoryEvent], Callable[[WorkflowExecutor, Any], bool]] = {
    WorkflowStarted: WorkflowExecutor._on_started,
    ActivityCompleted: WorkflowExecutor._on_activity,
    ActivityFailed: WorkflowExecutor._on_activity,
    ChildCompleted: WorkflowExecutor._on_child,
    ChildFailed: WorkflowExecutor._on_child,
    TimerFired: WorkflowExecutor._on_timer,
    EventReceived: WorkflowExecutor._on_event,
    Suspended: WorkflowExecutor._on_noted,
    Resumed: WorkflowExecutor._on_noted,
    Terminated: WorkflowExecutor._on_noted,
}
