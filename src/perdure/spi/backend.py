"""The seam to a backend: what it must do for clients, and for a worker.

Each docstring is the contract. What holds for every method, and is not repeated there:

* All are called on one event loop of perdure's own, many at a time; none may block it.
* Ids, names and JSON have been checked before the call. ``instance_id`` is 1 to 64 of letters,
  digits, ``_`` and ``-``; payloads are JSON text and come back equal in value, whatever they are.
* "Durably" means that what the method did outlives SIGKILL of every process the moment it returns.
* A call may be cancelled. What it was doing is then done as a whole or not at all.
* Any method may raise ``BackendUnavailableError`` (it cannot be reached, or is not open) and
  ``AuthenticationFailedError``. Such a call may have taken effect all the same.
* What a backend cannot do raises ``CapabilityNotSupportedError``; nothing is ever left out in
  silence. No type of a vendor, and no exception of one, crosses this seam: raise ours ``from`` it.
* Instants are aware datetimes.
"""

from __future__ import annotations

import abc
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Protocol

from perdure.errors import (
    CapabilityNotSupportedError,
    InstanceActiveError,
    InstanceAlreadyExistsError,
    InstanceFinishedError,
)
from perdure.spi.values import (
    SPI_VERSION,
    Capability,
    Health,
    InstanceFilter,
    InstancePage,
    StartRequest,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.clock import Clock
    from perdure.spi.history import HistoryEvent
    from perdure.spi.program import Program
    from perdure.types import InstanceInfo

__all__ = [
    "SPI_VERSION",
    "Backend",
    "BackendFactory",
    "BackendWorker",
    "Capability",
    "Health",
    "InstanceFilter",
    "InstancePage",
    "StartRequest",
]


class BackendWorker(abc.ABC):
    """Runs a program against a backend: takes its instances, advances them, runs its activities.

    How it works is its own business; what it must keep to is told in :mod:`perdure.spi.program`.
    Its process may be killed at any moment. Then another worker, or this one started again, goes
    on with every instance from what was durable.
    """

    @abc.abstractmethod
    async def start(self) -> None:
        """Begin to take work. Called once, after :meth:`Backend.open`.

        Returns once work that exists will be taken. Takes only workflows in ``program.workflows``;
        an instance of another stays as it is, for a worker that knows it. Tries instances again
        that had stalled, if it knows their workflow.

        Raises:
            BackendUnavailableError: The backend cannot be reached.
        """

    @abc.abstractmethod
    async def drain(self, *, timeout: timedelta) -> None:
        """Take no new work, let running activities end, record their results, give everything back.

        What still runs after ``timeout`` is cancelled, and runs again wherever its instance is
        taken next. When this returns no code of the program runs. May be called twice, and before
        :meth:`start`; never raises because of what an activity does.
        """

    async def stop(self) -> None:
        """Stop at once, as after a drain of no time. May be called twice, and after a drain."""
        await self.drain(timeout=timedelta())


class Backend(abc.ABC):
    """One hub of one backend. Nothing is read, connected or started before :meth:`open`."""

    name: str
    """The word that selects it, as in ``PERDURE_BACKEND``."""

    payload_limit: int | None = None
    """How many bytes a payload may have on its wire, if there is a limit below perdure's own.

    Perdure keeps to it: what is larger goes to the payload store, or is refused before any call.
    """

    default_payloads: str | None = None
    """The URL of the payload store to use where the settings name none, and not ``inline://``.

    Only where every worker and client of the hub surely sees it, as on one host. Read once it is
    open.
    """

    spi_version: ClassVar[int] = 1
    """The ``SPI_VERSION`` it was written for, as a plain number: never ``SPI_VERSION`` itself."""

    @property
    @abc.abstractmethod
    def capabilities(self) -> frozenset[Capability]:
        """What it can do beyond the base set. Asked once it is open; does not change until closed.

        To declare is to promise: the conformance kit tests each, and a declared method that is not
        implemented is an error at opening. What works and is not declared counts for nothing.
        """

    @abc.abstractmethod
    async def open(self) -> None:
        """Connect and verify. Called once, before anything else.

        When it raises it leaves nothing open, and :meth:`close` is not called.

        Raises:
            BackendUnavailableError: It cannot be reached or used; the message says what to do.
            AuthenticationFailedError: It refuses the credentials.
            ConfigurationError: What the URL names is not there.
        """

    @abc.abstractmethod
    async def close(self) -> None:
        """Release everything. May be called twice; workers are stopped first.

        Calls that still wait end: cancelled, or with ``BackendUnavailableError``. Instances stay as
        they are.
        """

    @abc.abstractmethod
    def worker(self, program: Program) -> BackendWorker:
        """Return a worker that runs ``program``; it is started separately.

        Called at most once for each opened backend. Does no I/O.
        """

    @abc.abstractmethod
    async def start(self, request: StartRequest) -> InstanceInfo:
        """Start an instance, durably, before returning.

        The look for an instance of that id and the start are one atomic step: of two concurrent
        calls one starts it. ``raise``: any instance of that id is an error. ``attach``: an instance
        of that id, active or finished, is returned as it is, whatever else the request says.
        ``replace_finished``: a finished one is purged in the same step; an active one is an error.

        The backend makes the ``run_id``: any text that no other run has or had. Not idempotent by
        itself; a caller who is unsure repeats it with ``attach``.

        Raises:
            InstanceAlreadyExistsError: As said above. Nothing was changed.
            CapabilityNotSupportedError: The request has a ``start_at``, an ``execution_timeout`` or
                ``tags``, and the backend does not declare that. Nothing was started.
            PayloadTooLargeError: The arguments are over the limit of the backend.
        """

    @abc.abstractmethod
    async def get(self, instance_id: str) -> InstanceInfo:
        """Return what is known of an instance, as of now: it sees what was durable before the call.

        A state that the backend does not know maps to ``Status.UNKNOWN`` and is logged. The status
        of an instance whose run was continued is that of its newest run.

        Raises:
            InstanceNotFoundError: There is none.
        """

    @abc.abstractmethod
    async def wait(self, instance_id: str, *, timeout: timedelta | None) -> InstanceInfo:
        """Return once the instance is terminal or stalled; at once if it is so already.

        Continue-as-new is not an end: the wait goes on with the next run. Any number of calls may
        wait for one instance, whoever runs it. Changes nothing.

        Args:
            instance_id: Which one.
            timeout: How long to wait; zero only looks, ``None`` waits for ever.

        Raises:
            InstanceNotFoundError: There is none, or it was purged meanwhile.
            TimeoutError: ``timeout`` passed first. A message says why, where the backend knows.
        """

    @abc.abstractmethod
    async def raise_event(self, instance_id: str, name: str, payload: str) -> None:
        """Deliver an event, durably, before returning.

        Events of one name reach the executor in the order in which the calls were made, each once.
        One for an instance that is pending, suspended, stalled or between two runs is kept for it.
        Names that begin with ``perdure.`` are delivered like others. Not idempotent: two calls are
        two events.

        Raises:
            InstanceNotFoundError: There is none.
            InstanceFinishedError: It has ended and can receive nothing.
            PayloadTooLargeError: The payload is over the limit of the backend.
        """

    @abc.abstractmethod
    async def terminate(self, instance_id: str, *, reason: str) -> None:
        """End an instance by force: its code sees nothing of it, and runs no further.

        The decision is durable when this returns; a worker that is busy with the instance may take
        a moment to obey. Children end too, unless they were started with ``abandon``; activities
        that run are left to end, and their results dropped. An instance that has finished stays as
        it is, so this may be called twice.

        Raises:
            InstanceNotFoundError: There is none.
        """

    @abc.abstractmethod
    async def purge(self, instance_id: str) -> None:
        """Delete all state of a finished instance, in one atomic step; its children stay.

        Afterwards its id is free, and there is no such instance. A second call does not find it.

        Raises:
            InstanceNotFoundError: There is none.
            InstanceActiveError: It has not finished; terminate it first. Nothing was deleted.
        """

    async def suspend(self, instance_id: str, *, reason: str) -> None:
        """Hold an instance, durably: its code gets nothing until :meth:`resume`.

        What arrives meanwhile is kept, in order: events, results of activities, timers that come
        due. Activities that run are left to end. May be called twice; the first reason stays.
        Capability ``SUSPEND``.

        Raises:
            InstanceNotFoundError: There is none.
            InstanceFinishedError: It has ended.
        """
        raise CapabilityNotSupportedError(backend=self.name, capability=Capability.SUSPEND)

    async def resume(self, instance_id: str, *, reason: str) -> None:
        """Lift the hold; what was kept is delivered first. Does nothing where there is no hold.

        Capability ``SUSPEND``.

        Raises:
            InstanceNotFoundError: There is none.
            InstanceFinishedError: It has ended.
        """
        raise CapabilityNotSupportedError(backend=self.name, capability=Capability.SUSPEND)

    async def restart(self, instance_id: str, *, from_command: int | None) -> InstanceInfo:
        """Run a finished instance again under a new ``run_id``, with the same input; durable.

        ``from_command`` keeps what the journal holds up to the point where that command was issued,
        and runs on from there, with the seed of the run before. Capability ``RESTART``, and
        ``RERUN`` with ``from_command``.

        Raises:
            InstanceNotFoundError: There is none.
            InstanceActiveError: It has not finished. Nothing was changed.
            ValueError: The journal holds no such command.
        """
        capability = Capability.RESTART if from_command is None else Capability.RERUN
        raise CapabilityNotSupportedError(backend=self.name, capability=capability)

    async def query(
        self, filter: InstanceFilter, *, page_size: int, token: str | None
    ) -> InstancePage:
        """Return one page of the instances that match, newest first by creation.

        An instance that exists during the whole of a listing is on exactly one of its pages; one
        that begins or ends meanwhile may be missed. Capability ``QUERY``.

        Args:
            filter: Which ones.
            page_size: The most to return; positive.
            token: ``next_token`` of the page before, under the same filter; ``None`` at first.

        Raises:
            ValueError: ``token`` is not one of this backend's, or ``page_size`` is not positive.
            CapabilityNotSupportedError: The filter has ``tags``, and the backend has no tags.
        """
        raise CapabilityNotSupportedError(backend=self.name, capability=Capability.QUERY)

    async def history(
        self, instance_id: str, *, run_id: str | None = None
    ) -> Sequence[HistoryEvent]:
        """Return the journal of a run; the current one unless ``run_id`` says another.

        It is what the executor's ``deliver`` and ``advance`` returned, all of it, in that order, so
        that ``Program.rebuild`` accepts it; empty while the run has not begun. Capability
        ``HISTORY``, and ``HISTORY_ACROSS_RUNS`` for earlier runs.

        Raises:
            InstanceNotFoundError: There is no such instance or run, or it is no longer kept.
        """
        capability = Capability.HISTORY if run_id is None else Capability.HISTORY_ACROSS_RUNS
        raise CapabilityNotSupportedError(backend=self.name, capability=capability)

    async def health(self) -> Health:
        """Probe the backend. Never raises, and answers within a few seconds."""
        return Health(is_healthy=True, detail="not probed")


class BackendFactory(Protocol):
    """What an entry point names: a :class:`Backend` class, or a function."""

    def __call__(self, url: str, *, clock: Clock | None = None) -> Backend:
        """Return a backend for ``url``, not opened yet. Does no I/O.

        Args:
            url: The setting as the user wrote it: the bare name, or ``name://…``. A hub that was
                set apart from it (``PERDURE_HUB``, or a profile's ``hub``) is added as the option
                ``?hub=…`` unless there is one.
            clock: Given by tests; a backend whose time is kept elsewhere may leave it aside.

        Raises:
            ConfigurationError: The URL cannot be used.
        """


def check_declared(backend: Backend, request: StartRequest) -> None:
    """Refuse a start that asks for more than ``backend`` declares.

    Raises:
        CapabilityNotSupportedError: It does, and names what.
    """
    for option in (Capability.START_AT, Capability.EXECUTION_TIMEOUT, Capability.TAGS):
        if getattr(request, option.value) and option not in backend.capabilities:
            raise CapabilityNotSupportedError(backend=backend.name, capability=option)


def must_start(request: StartRequest, existing: InstanceInfo | None) -> bool:
    """Return whether a start begins an instance, in the place of a finished one if there is one.

    To be asked in the atomic step of the start. If not, the existing one is what it returns.

    Raises:
        InstanceAlreadyExistsError: As ``if_exists`` has it.
    """
    if existing is None or (
        request.if_exists == "replace_finished" and existing.status.is_terminal
    ):
        return True
    if request.if_exists == "attach":
        return False
    raise InstanceAlreadyExistsError(instance_id=request.instance_id, status=existing.status)


def check_active(info: InstanceInfo, *, action: str) -> None:
    """Refuse what needs an instance that goes on.

    Raises:
        InstanceFinishedError: It has ended.
    """
    if info.status.is_terminal:
        raise InstanceFinishedError(instance_id=info.instance_id, status=info.status, action=action)


def check_finished(info: InstanceInfo, *, action: str) -> None:
    """Refuse what needs an instance that has ended.

    Raises:
        InstanceActiveError: It goes on.
    """
    if not info.status.is_terminal:
        raise InstanceActiveError(instance_id=info.instance_id, status=info.status, action=action)
