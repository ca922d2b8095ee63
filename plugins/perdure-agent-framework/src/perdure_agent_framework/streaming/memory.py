"""The stream hub of one process, which is perdure's own."""

from __future__ import annotations

from perdure.streams import DEFAULT_MAX_BYTES, MemoryStreamHub

__all__ = ["DEFAULT_MAX_BYTES", "MemoryStreamHub"]
