"""Notes: what a vendor's history does not hold of a journal, carried in what it does hold.

A journal is a projection of the vendor's history: each answer is an entry, each thing asked for is
one. What the vendor never hears of is dark: timers, which live in the executor, and in rare cases
the order of entries. A step notes what is dark of it. The next thing asked of the vendor carries
the note along; while there is none, the custom status does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from perdure.spi.history import (
    ActivityScheduled,
    ChildStarted,
    Completed,
    TimerCreated,
    TimerFired,
)
from perdure.spi.journal import encode_event

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from perdure.spi.history import HistoryEvent

_T = TypeVar("_T", int, str)

INPUT = 0
"""The token of a step's input. That of a command is its id, that of a timer that fired negative."""

LONGEST_CHARACTERS = 65_536
"""So much of whole entries is noted at most. A journal that lacks commands which nobody ran, or has
a result in another spelling, is better than an end that is too large to be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is dark of one step.

    Attributes:
        step: Which one; the start of the run is 0.
        order: The step's entries as tokens, where it is not the input and then the commands by id:
            ``INPUT``, the id of a command, or ``-1 - id`` for a timer that fired.
        timers: Id and instant of the timers that the step created.
        event: The name of the foreign event that the step took, if it did.
        entries: Whole entries that the vendor's history lacks, in the journal's text form.
        ends: Whether the run ended with it, though more came before the vendor knew.
    """

    step: int
    order: tuple[int, ...] | None = None
    timers: tuple[tuple[int, int], ...] = ()
    event: str | None = None
    entries: tuple[str, ...] = ()
    ends: bool = False

    @property
    def items(self) -> int:
        """How much it says. Not in characters: what comes of it must not depend on spelling."""
        return 1 + len(self.order or ()) + len(self.timers) + len(self.entries)


def note_of(
    step: int,
    entries: Sequence[HistoryEvent],
    *,
    source: HistoryEvent,
    foreign_event: str | None,
    asked: Collection[int],
    ends: bool = False,
    is_foreign: bool = False,
) -> Note | None:
    """Return what is dark of a step; mostly nothing.

    Args:
        step: Its number.
        entries: What the executor recorded.
        source: The input that was delivered.
        foreign_event: The name of the event it took, if that was raised by its own name.
        asked: The ids of the commands that the vendor is asked for.
        ends: Whether the run ends, and the vendor hears of it only later.
        is_foreign: Whether there is to be a note in any case.
    """
    tokens = tuple(_tokens(entries, source))
    untold = tuple(encode_event(entry) for entry in entries if _is_untold(entry, asked))
    commands = sorted(token for token in tokens if token > INPUT)
    usual = (*([INPUT] if _is_input(source) else []), *commands)
    note = Note(
        step=step,
        order=None if tokens == usual else tokens,
        timers=tuple((e.id, e.fire_at_us) for e in entries if isinstance(e, TimerCreated)),
        event=foreign_event,
        entries=untold if sum(map(len, untold)) <= LONGEST_CHARACTERS else (),
        ends=ends,
    )
    return None if note == Note(step=step) and not is_foreign else note


def merged(note: Note, other: Note) -> Note:
    """Return what two notes of the same step say together."""
    return Note(
        step=note.step,
        order=note.order if other.order is None else other.order,
        timers=tuple(dict((*note.timers, *other.timers)).items()),
        event=note.event or other.event,
        entries=tuple(dict.fromkeys((*note.entries, *other.entries))),
        ends=note.ends or other.ends,
    )


def encode_notes(notes: Iterable[Note]) -> list[dict[str, Any]]:
    """Return notes as JSON data. What a note does not say is left out."""
    return [_to_data(note) for note in notes]


def decode_notes(data: Any) -> list[Note]:
    """Return the notes that :func:`encode_notes` wrote.

    Raises:
        ValueError: They are not whole.
    """
    try:
        return [_from_data(item) for item in data]
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        raise ValueError(f"damaged notes: {err}") from err


def notes_text(notes: Iterable[Note]) -> str:
    """Return notes as text, for what carries no JSON data; empty if there are none."""
    data = encode_notes(notes)
    return json.dumps(data, separators=(",", ":")) if data else ""


def _tokens(entries: Iterable[HistoryEvent], source: HistoryEvent) -> Iterable[int]:
    kind = type(source)
    for entry in entries:
        if isinstance(entry, TimerFired):
            yield -1 - entry.id
        elif not entry.is_command:
            assert type(entry) is kind
            yield INPUT
        elif (id := getattr(entry, "id", None)) is not None:
            yield id


def _is_input(source: HistoryEvent) -> bool:
    from perdure.spi.bridge.script import Looked

    return not isinstance(source, Looked)


def _is_untold(entry: HistoryEvent, asked: Collection[int]) -> bool:
    if isinstance(entry, ActivityScheduled | ChildStarted):
        return entry.id not in asked
    # A plain result goes through the SDK's own JSON, which may write a number in another way.
    return isinstance(entry, Completed) and not is_canonical(entry.result)


def is_canonical(json_text: str) -> bool:
    """Return whether a payload's text is what reading and writing it anew gives."""
    return canonical(json.loads(json_text)) == json_text


def canonical(value: object) -> str:
    """Return JSON text as the payloads of perdure are written."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _to_data(note: Note) -> dict[str, Any]:
    data: dict[str, Any] = {"s": note.step}
    if note.order is not None:
        data["o"] = list(note.order)
    if note.timers:
        data["t"] = [list(timer) for timer in note.timers]
    if note.event is not None:
        data["e"] = note.event
    if note.entries:
        data["x"] = list(note.entries)
    if note.ends:
        data["z"] = 1
    return data


def _from_data(data: Any) -> Note:
    order = data.get("o")
    event = data.get("e")
    return Note(
        step=_of(int, data["s"]),
        order=None if order is None else tuple(_of(int, token) for token in order),
        timers=tuple((_of(int, id), _of(int, at_us)) for id, at_us in data.get("t", ())),
        event=None if event is None else _of(str, event),
        entries=tuple(_of(str, entry) for entry in data.get("x", ())),
        ends=bool(data.get("z")),
    )


def _of(kind: type[_T], value: Any) -> _T:
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, not {type(value).__name__}")
    return value
