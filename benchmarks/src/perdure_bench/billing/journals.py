"""Journals: read from files, or asked of a backend, and counted."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from perdure.clock import to_us
from perdure.errors import PayloadError
from perdure.spi.journal import decode_event
from perdure_bench.billing.actions import total
from perdure_bench.billing.meter import count_actions

if TYPE_CHECKING:
    from collections.abc import Iterable

    import perdure
    from perdure.spi.history import HistoryEvent
    from perdure_bench.billing.actions import Actions


async def count_instances(client: perdure.Client, instance_ids: Iterable[str]) -> Actions:
    """Return what the journals of some instances come to."""
    journals = [await client.get(None, instance_id).history() for instance_id in instance_ids]
    return total(map(count_actions, journals))


def read_journal(text: str) -> list[HistoryEvent]:
    """Return the events of a file that ``perdure history ID`` wrote.

    Args:
        text: What ``--raw`` gives, or ``-o jsonl``, or ``-o json``.

    Raises:
        PayloadError: It is none of these.
    """
    if text.lstrip().startswith("["):
        try:
            lines = [json.dumps(record) for record in json.loads(text)]
        except ValueError as error:
            raise PayloadError(what="journal", problem=f"not JSON: {error}") from error
    else:
        lines = [line for line in text.split("\n") if line and not line.isspace()]
    if not lines:
        raise PayloadError(what="journal", problem="it is empty")
    return [decode_event(_as_entry(line)) for line in lines]


def _as_entry(line: str) -> str:
    """Return a line as a journal has it, of one that is for programs."""
    try:
        record = json.loads(line)
        if "kind" not in record:
            return line
        at = datetime.fromisoformat(record.pop("at"))
        entry = {"k": record.pop("kind"), "at_us": to_us(at), **record}
    except (ValueError, TypeError, KeyError):
        # The reader of journals says what is wrong with it.
        return line
    if entry["k"] == "WorkflowStarted":
        entry["v"] = 1
    return json.dumps(entry)
