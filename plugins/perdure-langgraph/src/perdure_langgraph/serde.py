"""Values of a graph as JSON texts, by LangGraph's own serializer."""

from __future__ import annotations

import base64
from typing import Any

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from perdure_langgraph.errors import UnserializableStateError
from perdure_langgraph.marks import marked, unmarked

_serializer = JsonPlusSerializer()


def encode(value: Any, *, what: str) -> str:
    """Return ``value`` as text.

    Args:
        value: What a node takes or gives.
        what: What it is, for messages; the key of a mapping that cannot be stored is added.

    Raises:
        UnserializableStateError: It cannot be stored.
    """
    try:
        kind, data = _serializer.dumps_typed(marked(value))
    except Exception as err:  # the serializer raises whatever its parts do
        raise UnserializableStateError(what=_culprit(value, what), problem=str(err)) from err
    return f"{kind}:{base64.b64encode(data).decode()}"


def decode(text: str) -> Any:
    """Return the value of :func:`encode`."""
    kind, _, data = text.partition(":")
    return unmarked(_serializer.loads_typed((kind, base64.b64decode(data))))


def _culprit(value: Any, what: str) -> str:
    """Return what part of ``value`` cannot be stored, as far down as mappings go."""
    items = value.items() if isinstance(value, dict) else ()
    for key, item in items:
        try:
            _serializer.dumps_typed(marked(item))
        except Exception:  # noqa: BLE001 - it is said by whoever asks
            return _culprit(item, f"{key!r} in {what}")
    return f"{what} ({type(value).__qualname__})"
