"""Typed conversion: Python values to JSON text and back, exactly or not at all.

One principle: what is written is read back and compared before it is stored. Plain JSON types take
a shorter way that comes to the same. Importing this package does not import pydantic.
"""

from __future__ import annotations

from perdure.payloads._json import MAX_PAYLOAD_BYTES
from perdure.payloads.parameters import Arguments, ParameterConverter
from perdure.payloads.values import ValueConverter

__all__ = ["MAX_PAYLOAD_BYTES", "Arguments", "ParameterConverter", "ValueConverter"]
