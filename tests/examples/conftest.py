"""Examples are scripts, not packages: their folder goes on the path, as when Python runs one."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "licence_audit"))
