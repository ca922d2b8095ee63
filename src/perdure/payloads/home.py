"""Where the code that runs may put blobs: which pipeline, and under which root."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perdure.payloads.pipeline import PayloadPipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A pipeline, and the instance that what is written now belongs to."""

    pipeline: PayloadPipeline
    root: str


_home: ContextVar[Home] = ContextVar("perdure_payload_home")


def enter_home(home: Home) -> None:
    """Make ``home`` the one of the rest of the present context."""
    _home.set(home)


def current_home() -> Home | None:
    """Return the home of what runs here; ``None`` outside activities."""
    return _home.get(None)
