"""Agents and graphs of the frameworks, durable and plain."""

from __future__ import annotations

from pathlib import Path

CLONE = Path(__file__).parents[4]
"""Where a clone is, if this package is that of one."""
