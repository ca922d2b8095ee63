"""The command line ``perdure``. What it needs beyond the core is the extra ``cli``."""

from __future__ import annotations

import importlib.util
import sys

__all__ = ["main"]

_MISSING = """\
error: the command line needs packages that are not installed
  try: pip install 'perdure[cli]'
"""


def main() -> None:
    """Run the command line with the arguments of this process, and end the process."""
    if not all(importlib.util.find_spec(name) for name in ("typer", "rich")):
        sys.stderr.write(_MISSING)
        sys.exit(1)
    from perdure.cli.program import run

    sys.exit(run())
