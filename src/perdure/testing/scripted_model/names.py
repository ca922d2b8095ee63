"""What the scripted model calls itself, wherever it shows."""

from __future__ import annotations

from typing import Final

MODEL: Final = "scripted-model"
"""The model's id, its ``system_fingerprint``, and what the ids of all its models begin with."""

HEADER: Final = "x-scripted-model"
"""Every answer carries this header, with the rule that gave it."""

REQUEST_ID_HEADER: Final = "x-request-id"
"""The header with the id under which the log has the request."""
