"""The seam to a backend: what it must do for clients, and for a worker.

Each docstring is the contract. All methods are coroutines called on one event loop of perdure's
own. No type of a vendor crosses this seam.
"""

from __future__ import annotations

import abc
import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from perdure.errors import CapabilityNotSupportedError
from perdure.types import EMPTY, IfExists

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from perdure.spi.history import HistoryEvent
    from perdure.spi.program import Program
    from perdure.types import InstanceInfo, Status

SPI_VERSION = 1


class Capability(enum.StrEnum):
    """What a backend may or may not be able to do beyond the base set."""

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
    """A workflow to start. ``arguments`` is a JSON object by parameter name."""

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
    """Which instances to list.

    Everything given must hold. ``since`` and ``until`` speak of creation.
    """

    statuses: tuple[Status, ...] = ()
    name: str | None = None
    id_prefix: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    finished_before: datetime | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: EMPTY)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstancePage:
    """One page of a listing, newest first. ``next_token`` is ``None`` on the last."""

    items: tuple[InstanceInfo, ...]
    next_token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether a backend can be reached, and what it says of itself."""

    is_healthy: bool
    detail: str


class BackendWorker(abc.ABC):
    """Runs a program against a backend."""

    @abc.abstractmethod
    async def start(self) -> None:
        """Begin to take work. Returns once the worker is known to the backend. Call once.

        Raises:
            BackendUnavailableError: The backend cannot be reached.
        """

    @abc.abstractmethod
    async def drain(self, *, timeout: timedelta) -> None:
        """Take no new work, let running activities end, record their results, give everything back.

        What still runs after ``timeout`` is cancelled and will run again elsewhere. May be called
        twice.
        """

    @abc.abstractmethod
    async def stop(self) -> None:
        """Stop at once, as after a drain of no time. May be called twice."""


class Backend(abc.ABC):
    """One hub of one backend."""

    name: str
    """The word that selects it, as in ``PERDURE_BACKEND``."""

    @property
    @abc.abstractmethod
    def capabilities(self) -> frozenset[Capability]:
        """What it can do beyond the base set; never changes while it is open."""

    @abc.abstractmethod
    async def open(self) -> None:
        """Connect and verify. Called once, before anything else.

        Raises:
            BackendUnavailableError: It cannot be reached or used; the message says what to do.
        """

    @abc.abstractmethod
    async def close(self) -> None:
        """Release everything. May be called twice; workers are stopped first."""

    @abc.abstractmethod
    def worker(self, program: Program) -> BackendWorker:
        """Return a worker that runs ``program``; it is started separately."""

    @abc.abstractmethod
    async def start(self, request: StartRequest) -> InstanceInfo:
        """Start an instance, durably, before returning; one atomic step with ``if_exists``.

        ``raise``: any instance of that id is an error. ``attach``: an instance of that id, active
        or finished, is returned as it is. ``replace_finished``: a finished one is purged first; an
        active one is an error.

        Raises:
            InstanceAlreadyExistsError: As said above.
        """

    @abc.abstractmethod
    async def get(self, instance_id: str) -> InstanceInfo:
        """Return what is known of an instance.

        Raises:
            InstanceNotFoundError: There is none.
        """

    @abc.abstractmethod
    async def wait(self, instance_id: str, *, timeout: timedelta | None) -> InstanceInfo:
        """Return once the instance is terminal or stalled.

        Raises:
            InstanceNotFoundError: There is none.
            TimeoutError: ``timeout`` passed first.
        """

    @abc.abstractmethod
    async def raise_event(self, instance_id: str, name: str, payload: str) -> None:
        """Deliver an event, durably, before returning; FIFO per name.

        Raises:
            InstanceNotFoundError: There is none.
            InstanceFinishedError: It has ended and can receive nothing.
        """

    @abc.abstractmethod
    async def terminate(self, instance_id: str, *, reason: str) -> None:
        """End an instance by force, and its children unless abandoned. A finished one stays.

        Raises:
            InstanceNotFoundError: There is none.
        """

    @abc.abstractmethod
    async def purge(self, instance_id: str) -> None:
        """Delete all state of a finished instance.

        Raises:
            InstanceNotFoundError: There is none.
            InstanceActiveError: It has not finished; terminate it first.
        """

    async def suspend(self, instance_id: str, *, reason: str) -> None:
        """Hold an instance: its code gets nothing until :meth:`resume`. Idempotent.

        What arrives meanwhile is kept.

        Raises:
            InstanceNotFoundError: There is none.
            InstanceFinishedError: It has ended.
        """
        raise CapabilityNotSupportedError(backend=self.name, capability=Capability.SUSPEND)

    async def resume(self, instance_id: str, *, reason: str) -> None:
        """Lift the hold. Idempotent. Raises as :meth:`suspend` does."""
        raise CapabilityNotSupportedError(backend=self.name, capability=Capability.SUSPEND)

    async def restart(self, instance_id: str, *, from_command: int | None) -> InstanceInfo:
        """Run a finished instance again under a new ``run_id``, with the same input.

        ``from_command`` keeps what the journal holds up to the point where that command was issued,
        and runs on from there (capability ``RERUN``).

        Raises:
            InstanceNotFoundError: There is none.
            InstanceActiveError: It has not finished.
            ValueError: The journal holds no such command.
        """
        raise CapabilityNotSupportedError(backend=self.name, capability=Capability.RESTART)

    async def query(
        self, filter: InstanceFilter, *, page_size: int, token: str | None
    ) -> InstancePage:
        """Return one page of the instances that match, newest first."""
        raise CapabilityNotSupportedError(backend=self.name, capability=Capability.QUERY)

    async def history(
        self, instance_id: str, *, run_id: str | None = None
    ) -> Sequence[HistoryEvent]:
        """Return the journal of a run; the current one unless ``run_id`` says another.

        Raises:
            InstanceNotFoundError: There is no such instance or run.
        """
        raise CapabilityNotSupportedError(backend=self.name, capability=Capability.HISTORY)

    async def health(self) -> Health:
        """Probe the backend. Never raises."""
        return Health(is_healthy=True, detail="not probed")
