"""Last words: what an execution that ends an instance shows, so that its history is whole.

SDKs and servers drop what was asked for in the work item that ends an instance, and the notes that
it carried. And what came in that work item behind the end is in history, but no step took it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.spi.bridge.notes import LONGEST_CHARACTERS, Note
from perdure.spi.bridge.plan import command_of
from perdure.spi.bridge.shown import encode_status
from perdure.spi.journal import encode_event

if TYPE_CHECKING:
    from perdure.spi.bridge.run import Run
    from perdure.spi.bridge.script import Awaited
    from perdure.spi.bridge.sdk import OrchestrationContext


class LastWords:
    """Knows what an execution has asked for, and which of it the vendor will not hear of."""

    def __init__(self, context: OrchestrationContext) -> None:
        self._context = context
        self._asked: list[tuple[int, Awaited, int]] = []
        self._unsent: list[tuple[Awaited, int]] | None = None

    def asked(self, operation: Awaited, *, step: int) -> None:
        """Note what a step has just asked the context for."""
        self._asked.append((next(reversed(self._context._pending_actions)), operation, step))

    def ending(self) -> None:
        """Note that the context is about to end the instance."""
        if self._unsent is None:
            pending = self._context._pending_actions
            self._unsent = [(asked, step) for id, asked, step in self._asked if id in pending]

    def text(self, run: Run | None, *, is_late: bool) -> str | None:
        """Return the custom status to show with the end; ``None`` where there is nothing to add.

        Args:
            run: What ends.
            is_late: Whether something came behind the end.
        """
        if self._unsent is None or run is None or not run.steps:
            return None
        lost: list[Note] = []
        entries: list[Note] = []
        for operation, number in self._unsent:
            step = run.steps[number]
            if operation is step.carrier:
                lost += step.carried
            command = command_of(operation)
            if command is not None and command in step.entries[step.kept :]:
                entries.append(Note(step=number, entries=(encode_event(command),)))
        if is_late:
            lost.append(Note(step=len(run.steps) - 1, ends=True))
        if not lost and not entries:
            return None
        words = encode_status(run.custom_status_json, notes=[*run.notes, *lost, *entries])
        if words is not None and len(words) > LONGEST_CHARACTERS:
            return encode_status(run.custom_status_json, notes=[*run.notes, *lost])
        return words
