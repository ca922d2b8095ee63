"""What a scripted model remembers: the faults that happened, and the conversations it stored.

With a file it remembers them across a restart.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from perdure.testing.scripted_model.conversation import ConversationMessage
from perdure.testing.scripted_model.durable_lines import DurableLines, read_lines

if TYPE_CHECKING:
    from pathlib import Path


class ServerState:
    """The memory of one server. Not safe to use from two threads."""

    def __init__(self, path: Path | None) -> None:
        """Take up what the file holds, if there is one.

        Raises:
            ConfigurationError: The file cannot be written.
        """
        self.faults: Counter[str] = Counter()
        self._conversations: dict[str, tuple[str | None, tuple[ConversationMessage, ...]]] = {}
        self._lines = None if path is None else DurableLines(path)
        for entry in [] if path is None else read_lines(path):
            self._apply(entry)

    def note_fault(self, key: str) -> None:
        """Count one more fault."""
        self._record({"fault": key})

    def store(
        self, answer_id: str, *, previous: str | None, messages: tuple[ConversationMessage, ...]
    ) -> None:
        """Keep what a request and its answer added to the conversation ``previous``."""
        if answer_id not in self._conversations:
            added = [message.model_dump(mode="json") for message in messages]
            self._record({"answer": answer_id, "previous": previous, "messages": added})

    def conversation(self, answer_id: str) -> tuple[ConversationMessage, ...]:
        """Return the conversation up to and with an answer.

        Raises:
            LookupError: No such answer was stored.
        """
        parts: list[tuple[ConversationMessage, ...]] = []
        at: str | None = answer_id
        while at is not None:
            at, messages = self._conversations[at]
            parts.append(messages)
        return tuple(message for part in reversed(parts) for message in part)

    def close(self) -> None:
        """Close the file."""
        if self._lines is not None:
            self._lines.close()

    def _record(self, entry: dict[str, Any]) -> None:
        if self._lines is not None:
            self._lines.append(entry)
        self._apply(entry)

    def _apply(self, entry: dict[str, Any]) -> None:
        if "fault" in entry:
            self.faults[entry["fault"]] += 1
        else:
            added = tuple(ConversationMessage.model_validate(m) for m in entry["messages"])
            self._conversations[entry["answer"]] = (entry["previous"], added)
