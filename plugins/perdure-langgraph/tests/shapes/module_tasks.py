"""Tasks of a module of their own, which an entrypoint elsewhere calls."""

from __future__ import annotations

from langgraph.func import task


@task
def shout(text: str) -> str:
    """Return ``text`` in capitals."""
    return text.upper()


def helper(text: str) -> str:
    """Return what a task gives, for a plain body."""
    return shout(text).result()
