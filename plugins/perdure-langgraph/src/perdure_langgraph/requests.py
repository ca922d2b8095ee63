"""What a client asks of a thread: JSON that goes by an event, and whose answer has an id."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Literal

from perdure import event_type

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = dict[str, Any]
Kind = Literal["run", "get_state", "get_history", "update_state"]

REQUEST = event_type("graph.request", Json)
CANCEL = event_type("graph.cancel", Json)
CLOSE = event_type("graph.close", Json)

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,40}")
_DIGITS = 20


def thread_instance_id(graph: str, thread_id: str) -> str:
    """Return the id of the instance that is the thread; two threads never share one.

    What is not of letters, digits, ``_`` and ``-``, or is too long, is told apart by its hash.
    """
    digest = _hash(graph, thread_id)
    readable = thread_id if _PLAIN.fullmatch(thread_id) else "thread"
    return f"{readable}-{digest}"


def reply_instance_id(thread: str, request_id: str) -> str:
    """Return the id of the instance that is the answer to a request of a thread."""
    return f"reply-{_hash(thread, request_id)}{_hash(request_id, thread)}"


def _hash(*parts: str) -> str:
    # Each part with its length, so that no two lists of parts look the same.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def as_list(value: str | Sequence[str] | None, *, default: str) -> list[str]:
    """Return stream modes as a list."""
    if value is None:
        return [default]
    return [value] if isinstance(value, str) else list(value)
