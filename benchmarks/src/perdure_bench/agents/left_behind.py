"""What an instance leaves behind, as figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.spi.history import ActivityScheduled
from perdure.spi.journal import encode_journal

if TYPE_CHECKING:
    import perdure


async def left_behind(client: perdure.Client, instance_id: str) -> dict[str, int]:
    """Return how long the history of an instance is, and how many activities are in it."""
    events = await client.get(None, instance_id).history()
    return {
        "history_events": len(events),
        "history_bytes": len(encode_journal(events).encode()),
        "activities": sum(isinstance(event, ActivityScheduled) for event in events),
    }
