"""The command log: numbers commands, and holds the code to what its history recorded.

During a replay each command the code issues is compared with the recorded one of the same number by
kind and name. Its payload is not made again: that is most of the cost of a replay. A strict log
makes and compares payloads too.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import fields
from typing import TYPE_CHECKING, TypeVar

from perdure.errors import NonDeterminismError
from perdure.spi.history import Failed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perdure.spi.history import HistoryEvent

CommandT = TypeVar("CommandT", bound="HistoryEvent")

_NOT_COMPARED = frozenset({"at_us", "failure", "carried"})
_JSON = frozenset({"arguments", "result"})


class CommandLog:
    """The commands of one run: those recorded and expected again, and those issued now."""

    def __init__(self, *, strict: bool = False) -> None:
        self.instance_id = ""
        self.entries: list[HistoryEvent] = []
        self.is_replaying = False
        self._strict = strict
        self._last_id = 0
        self._position = 0
        self._expected: deque[HistoryEvent] = deque()

    @property
    def makes_payloads(self) -> bool:
        """Whether payloads are to be made for commands that history has: in a strict replay."""
        return self._strict

    def begin(self, event: HistoryEvent) -> None:
        """Note the input that what follows comes of."""
        self._position += 1
        self.entries.append(event)

    def expect(self, commands: Iterable[HistoryEvent]) -> None:
        """Set what was recorded after the last input."""
        self._expected = deque(commands)

    def next_id(self) -> int:
        """Return a new command id."""
        self._last_id += 1
        return self._last_id

    def recorded(self, kind: type[CommandT], command_id: int, name: str) -> CommandT | None:
        """Return what history has under ``command_id``; ``None`` if nothing, or in no replay.

        Raises:
            NonDeterminismError: It has something else.
        """
        expected = self._expected
        if not expected or getattr(expected[0], "id", None) != command_id:
            return None
        event = expected[0]
        if not isinstance(event, kind) or _name_of(event) != name:
            raise self.mismatch(_describe(event), f"{kind.__name__} {name!r}".strip())
        expected.popleft()
        self._append(event)
        return event

    def issue(self, event: HistoryEvent) -> None:
        """Add a command that history does not have.

        Raises:
            NonDeterminismError: This is a replay, and history has no such command here.
        """
        if self.is_replaying:
            recorded = _describe(self._expected[0]) if self._expected else "nothing more"
            raise self.mismatch(recorded, _describe(event))
        self._append(event)

    def end(self, event: HistoryEvent) -> HistoryEvent:
        """Add how the run ended; in a replay, return what history has instead.

        Raises:
            NonDeterminismError: History has another kind of end, or none here.
        """
        if not self.is_replaying:
            self._append(event)
            return event
        recorded = self._expected.popleft() if self._expected else None
        if type(recorded) is not type(event):
            raise self.mismatch(
                _describe(recorded) if recorded else "nothing more", _describe(event)
            )
        if self._strict:
            self.compare(recorded, event)
        self._append(recorded)
        return recorded

    def compare(self, recorded: HistoryEvent, now: HistoryEvent) -> None:
        """Compare payloads and options too (strict replays only).

        Raises:
            NonDeterminismError: A field differs.
        """
        for field in fields(recorded):
            if field.name in _NOT_COMPARED:
                continue
            was, is_now = getattr(recorded, field.name), getattr(now, field.name)
            # Equal in meaning is enough: spacing and escapes of JSON are not the workflow's doing.
            if was != is_now and not (
                field.name in _JSON and json.loads(was) == json.loads(is_now)
            ):
                what = f"{_describe(recorded)} with {field.name}="
                raise self.mismatch(
                    f"{what}{was!r}", f"{_describe(now)} with {field.name}={is_now!r}"
                )

    def finish_input(self) -> None:
        """Check that the code issued all that was recorded after the last input.

        Raises:
            NonDeterminismError: History has more.
        """
        if self._expected:
            raise self.mismatch(_describe(self._expected[0]), "nothing")

    def mismatch(self, recorded: str, asked: str) -> NonDeterminismError:
        """Return the error that names both sides."""
        return NonDeterminismError(
            instance_id=self.instance_id, recorded=recorded, asked=asked, position=self._position
        )

    def refused(self, recorded: HistoryEvent, error: Exception) -> NonDeterminismError:
        """Return the error for a recorded command whose payload cannot be made any more."""
        what = _describe(recorded)
        return self.mismatch(what, f"{what} with a payload that cannot be made: {error!r}")

    def _append(self, event: HistoryEvent) -> None:
        self._position += 1
        self.entries.append(event)


def _name_of(event: HistoryEvent) -> str:
    return getattr(event, "name", "") or getattr(event, "workflow", "")


def _describe(event: HistoryEvent) -> str:
    number = getattr(event, "id", None)
    name = _name_of(event)
    return (
        type(event).__name__
        + (f" {name!r}" if name else "")
        + (f" (command {number})" if number is not None else "")
        + (f" with {event.failure.type}: {event.failure.message}" if type(event) is Failed else "")
    )
