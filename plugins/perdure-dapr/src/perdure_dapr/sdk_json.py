"""The SDK's JSON: as it is for other people's values, and quick for envelopes of perdure.

The SDK reads and writes with hooks for objects of Python, and makes a reader and a writer for each
value. An envelope has no such objects; read anew with each replay, it is a fourth of the work.
"""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, Final

from perdure.spi.bridge import MARK
from perdure_dapr import sdk

_BEGINNING: Final = f'{{"{MARK}":'
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode


def from_json(text: str) -> Any:
    """Return the value of a JSON text."""
    return json.loads(text) if text.startswith(_BEGINNING) else sdk.shared.from_json(text)


def to_json(value: object) -> str:
    """Return the JSON text of a value."""
    is_envelope = type(value) is dict and MARK in value
    text: str = _encode(value) if is_envelope else sdk.shared.to_json(value)
    return text


shared: Final = SimpleNamespace(**{**vars(sdk.shared), "from_json": from_json, "to_json": to_json})
"""Stands for the module that the SDK's methods know by this name."""
