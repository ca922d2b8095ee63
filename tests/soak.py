"""How much to do: few in ``make test``, all in ``make soak``."""

from __future__ import annotations

import os
from typing import TypeVar

_T = TypeVar("_T")

IS_SOAK = os.environ.get("PERDURE_SOAK") == "1"


def either(usual: _T, *, soak: _T) -> _T:
    """Return the amount for this run."""
    return soak if IS_SOAK else usual
