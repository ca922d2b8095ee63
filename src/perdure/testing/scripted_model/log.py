"""The log of a scripted model: what was asked, and what was answered.

A request has up to three lines, ``received``, ``answered`` and ``sent``. The first two are on the
disk before the first byte of the answer leaves. No line has a header, a key or a message's text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perdure.testing.scripted_model.durable_lines import DurableLines, read_lines

if TYPE_CHECKING:
    from pathlib import Path

    from perdure.testing.scripted_model.conversation import ModelRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord:
    """One request, as the log has it.

    Attributes:
        request_id: Also the header ``x-request-id`` of the answer.
        api: ``chat.completions`` or ``responses``.
        rule: The name of the rule that replied, or ``None``.
        digest: The digest of the messages; the same for the same messages.
        messages: How many messages the conversation had.
        tool_results: How many tool results came since the last user message.
        outcome: ``answer``, ``dropped``, ``hung``, the status of an error, or ``None`` if the
            server did not come to answer.
        sent: Whether the whole answer was handed to the connection.
    """

    request_id: str
    api: str
    model: str
    rule: str | None
    digest: str
    messages: int
    tool_results: int
    stream: bool
    outcome: str | None = None
    sent: bool = False


class RequestLog:
    """Writes a log."""

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises:
            ConfigurationError: It cannot be written.
        """
        self._lines = DurableLines(path)

    def received(self, request_id: str, request: ModelRequest, *, rule: str | None) -> None:
        """Note that a request came, and which rule is to reply."""
        entry = {
            "event": "received",
            "request_id": request_id,
            "api": request.api,
            "model": request.model,
            "rule": rule,
            "digest": request.digest,
            "messages": len(request.messages),
            "tool_results": len(request.results),
            "stream": request.stream,
        }
        self._lines.append(entry)

    def answered(self, request_id: str, *, outcome: str) -> None:
        """Note that the answer, or the fault, begins now."""
        self._lines.append({"event": "answered", "request_id": request_id, "outcome": outcome})

    def sent(self, request_id: str) -> None:
        """Note that the whole answer was handed to the connection."""
        self._lines.append({"event": "sent", "request_id": request_id})

    def close(self) -> None:
        """Close the file."""
        self._lines.close()


def read_log(path: Path) -> list[RequestRecord]:
    """Return the requests of a log in the order in which they came; none if it is not there."""
    entries = read_lines(path)
    outcomes = {
        entry["request_id"]: entry["outcome"] for entry in entries if entry["event"] == "answered"
    }
    sent = {entry["request_id"] for entry in entries if entry["event"] == "sent"}
    return [
        RequestRecord(
            **{key: value for key, value in entry.items() if key != "event"},
            outcome=outcomes.get(entry["request_id"]),
            sent=entry["request_id"] in sent,
        )
        for entry in entries
        if entry["event"] == "received"
    ]
