"""The stream hub between the processes of a host, which is perdure's own."""

from __future__ import annotations

from perdure.streams import FileStreamHub

__all__ = ["FileStreamHub"]
