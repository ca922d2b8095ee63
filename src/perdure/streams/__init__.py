"""Stream hubs: where what a run says is kept while it is live, for whoever listens.

Workers publish pieces, JSON objects, to a hub; subscribers read them from the first one on, however
late they come. Hubs are a courtesy: what counts is the durable result, so a piece that is lost
costs nothing but its liveness. What the pieces mean is their plugin's business.
"""

from __future__ import annotations

from perdure.streams.choosing import hub_named
from perdure.streams.files import FileStreamHub
from perdure.streams.hub import DEFAULT_MAX_BYTES, Json, StreamHub
from perdure.streams.memory import MemoryStreamHub

__all__ = [
    "DEFAULT_MAX_BYTES",
    "FileStreamHub",
    "Json",
    "MemoryStreamHub",
    "StreamHub",
    "hub_named",
]
