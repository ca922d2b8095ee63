"""The values that the audit's workflow takes, shows and returns."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from environment import Environment  # noqa: TC001 - pydantic reads the annotations
from licences import Finding  # noqa: TC001 - as above


class Phase(enum.StrEnum):
    """What the audit is doing."""

    LISTING = "listing"
    READING = "reading licences"
    WATCHING = "watching for changes"
    APPROVAL = "waiting for approval"
    REPORT = "writing the report"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to audit, and how.

    Attributes:
        report: Where the HTML report goes.
        readers: How many distributions are read at once.
        pace: How long a reader takes, more or less; there to be watched.
        watch: How long the environment must hold still for the audit to stand.
        deadline: How long the approval may take.
        failing: The distribution whose reader is told to fail, if any, ...
        failures: ... and how many times.
    """

    report: str
    readers: int = 4
    pace: timedelta = timedelta()
    watch: timedelta = timedelta(seconds=2)
    deadline: timedelta = timedelta(minutes=10)
    failing: str | None = None
    failures: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What the audit shows while it runs: its custom status."""

    phase: Phase
    done: int = 0
    total: int = 0
    flagged: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A human's answer to what was flagged."""

    is_approved: bool
    by: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The outcome. ``changed`` names what was installed or removed while the audit ran."""

    environment: Environment
    findings: tuple[Finding, ...]
    changed: tuple[str, ...]
    decision: Decision
    started_at: datetime
    decided_at: datetime


_PROGRESS = TypeAdapter(Progress)


def to_status(progress: Progress) -> Any:
    """Return a progress as the JSON types that a custom status is made of."""
    return _PROGRESS.dump_python(progress, mode="json")


def from_status(text: str | None) -> Progress:
    """Read a custom status; before the first one there is nothing to see."""
    return Progress(phase=Phase.LISTING) if text is None else _PROGRESS.validate_json(text)
