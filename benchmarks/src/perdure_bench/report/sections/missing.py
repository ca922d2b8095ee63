"""A section of which nothing was measured."""

from __future__ import annotations

from perdure_bench.report.blocks import Section, Text


def missing(name: str, title: str, *, suite: str, needs: str = "") -> Section:
    """Return a section that says how to get what it would show."""
    words = f"Not in this run. It is what {needs or f'--suite {suite}'} of perdure bench run gives."
    return Section(name=name, title=title, blocks=[Text(words=words)], is_empty=True)
