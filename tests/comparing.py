"""Comparing what came of something done in two ways, and showing where they differ."""

from __future__ import annotations

import difflib
import json
from typing import Any, Final

_MOST_LINES: Final = 60


def check_same(plain: Any, durable: Any, *, what: str) -> None:
    """Fail, and show the lines that differ, unless both are the same JSON."""
    was, is_now = (json.dumps(it, sort_keys=True, indent=1).splitlines() for it in (plain, durable))
    lines = list(difflib.unified_diff(was, is_now, "plain", "durable", lineterm=""))
    assert not lines, "\n".join([f"the {what} differs", *lines[:_MOST_LINES]])
