"""The values that cross the seam to a backend: what it can do, what to start, what to list."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from perdure.types import EMPTY, IfExists

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from perdure.types import InstanceInfo, Status

SPI_VERSION = 1
"""Raised when a backend written for the version before could no longer work. A new optional method,
with a default that raises ``CapabilityNotSupportedError``, does not raise it."""


class Capability(enum.StrEnum):
    """What a backend may or may not be able to do beyond the base set.

    The base set is every abstract method, and cannot be undeclared.

    Attributes:
        SUSPEND: ``suspend`` and ``resume``.
        QUERY: ``query``.
        HISTORY: ``history`` of the current run.
        HISTORY_ACROSS_RUNS: ``history`` of runs that continue-as-new has ended; needs ``HISTORY``.
        RESTART: ``restart`` with the same input.
        RERUN: ``restart`` from a command; needs ``RESTART``.
        START_AT: ``StartRequest.start_at``.
        EXECUTION_TIMEOUT: ``StartRequest.execution_timeout``.
        TAGS: ``StartRequest.tags``, kept, shown by ``get``, and searched by ``query`` if it is
            there.
    """

    SUSPEND = "suspend"
    QUERY = "query"
    HISTORY = "history"
    HISTORY_ACROSS_RUNS = "history_across_runs"
    RESTART = "restart"
    RERUN = "rerun"
    START_AT = "start_at"
    EXECUTION_TIMEOUT = "execution_timeout"
    TAGS = "tags"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequest:
    """A workflow to start.

    Attributes:
        workflow: Its name. Whether any worker knows it is not for ``start`` to ask.
        instance_id: Chosen by core where the user gave none.
        arguments: A JSON object by parameter name.
        if_exists: See :meth:`Backend.start`.
        start_at: When to begin; the instance is PENDING until then. An instant that has passed is
            now.
        execution_timeout: How long after its first run began the instance fails by itself, if ever.
            The worker hands the instant to the executor, ``WorkflowStarted.execution_deadline_us``.
        tags: Kept with the instance; shown and searched.
        headers: Kept with the instance and given to its runs, children and activities.
    """

    workflow: str
    instance_id: str
    arguments: str
    if_exists: IfExists = "raise"
    start_at: datetime | None = None
    execution_timeout: timedelta | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    headers: Mapping[str, str] = field(default_factory=lambda: EMPTY)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceFilter:
    """Which instances to list. Everything given must hold; an empty filter lists all.

    Attributes:
        statuses: Any of these; empty is any status.
        name: The name of the workflow, whole.
        id_prefix: What the instance id begins with, as it is written (``_`` is no wildcard).
        since: Created at this instant or later.
        until: Created at this instant or earlier.
        finished_before: Ended, and before this instant.
        tags: All of these, with these values.
    """

    statuses: tuple[Status, ...] = ()
    name: str | None = None
    id_prefix: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    finished_before: datetime | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: EMPTY)

    def matches(self, info: InstanceInfo) -> bool:
        """Return whether an instance is one that is asked for."""
        ended_before = self.finished_before
        return (
            (not self.statuses or info.status in self.statuses)
            and (self.name is None or info.name == self.name)
            and (self.id_prefix is None or info.instance_id.startswith(self.id_prefix))
            and (self.since is None or info.created_at >= self.since)
            and (self.until is None or info.created_at <= self.until)
            and (ended_before is None or (info.finished_at or ended_before) < ended_before)
            and all(info.tags.get(name) == value for name, value in self.tags.items())
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InstancePage:
    """One page of a listing.

    Attributes:
        items: May be fewer than asked for, and even none, on a page that is not the last.
        next_token: What to ask for the next page with; ``None`` on the last.
    """

    items: tuple[InstanceInfo, ...]
    next_token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether a backend can be reached, and what it says of itself."""

    is_healthy: bool
    detail: str
