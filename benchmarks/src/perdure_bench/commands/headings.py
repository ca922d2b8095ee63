"""Where these commands stand in ``perdure --help``."""

from __future__ import annotations

from perdure.cli.commands import Heading

BENCH = Heading(title="Benchmarks and cost")
