"""Running an instance again from a command on: what is kept of its journal, for every host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.spi.history import HistoryEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a rerun begins with.

    Attributes:
        journal: What the code is rebuilt from; empty where the run begins anew.
        again: The input to be delivered once more behind it, if any.
    """

    journal: tuple[HistoryEvent, ...]
    again: HistoryEvent | None = None


def kept_for_rerun(journal: Sequence[HistoryEvent], command_id: int) -> Kept:
    """Return what is kept of the journal of a finished run, so that a command is open again.

    It is kept up to and with the command's step. But where that step ended the run, all before it:
    a journal that holds its command and not the end that came with it would not fit the code, so
    that step is taken anew.

    Raises:
        ValueError: The journal holds no such command.
    """
    begin, end = _step_of(journal, command_id)
    is_last = any(entry.is_command and not hasattr(entry, "id") for entry in journal[begin:end])
    if not is_last:
        return Kept(journal=tuple(journal[:end]))
    return Kept(journal=tuple(journal[:begin]), again=journal[begin] if begin else None)


def _step_of(journal: Sequence[HistoryEvent], command_id: int) -> tuple[int, int]:
    """Return where the input begins that led to a command, and where what came of it ends."""
    begin = 0
    found = False
    for position, entry in enumerate(journal):
        if not entry.is_command:
            if found:
                return begin, position
            begin = position
        elif getattr(entry, "id", None) == command_id:
            found = True
    if not found:
        raise ValueError(f"the journal holds no command {command_id}")
    return begin, len(journal)
