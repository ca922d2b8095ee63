"""The hub under test: a client, a worker in this process on demand, time, and worker processes.

Contracts are plain code: they use the sync client, so that no other plugin's way to run async tests
comes into it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar, cast

from perdure._portal import finish
from perdure._program import RegistryProgram
from perdure._session import Opening, Session, SessionPool
from perdure.client import Client
from perdure.clock import SystemClock, from_us
from perdure.errors import ConfigurationError, InstanceNotFoundError
from perdure.payloads.settings import read_payloads
from perdure.sync_client import SyncClient
from perdure.testing.manual_clock import ManualClock
from perdure.testing.record import Record
from perdure.types import EMPTY, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping
    from datetime import datetime
    from types import TracebackType

    from perdure._link import Link
    from perdure.clock import Clock
    from perdure.registry import Registry
    from perdure.spi.backend import Backend, Capability
    from perdure.sync_client import SyncHandle
    from perdure.testing.target import BackendTarget, WorkerProcess
    from perdure.types import InstanceInfo

_T = TypeVar("_T")

_MANUAL_MOMENT = timedelta(hours=1)
_POLL_SECONDS = 0.01
_MICROSECOND = timedelta(microseconds=1)


class _Settling(Protocol):
    """A backend that keeps to a manual clock."""

    async def settle(self) -> None: ...


class BackendHub:
    """One backend, open, with a registry to run. Get it from the fixture ``backend_hub``.

    Attributes:
        target: How the backend is reached.
        client: A client of it.
        record: What activities write down, outside of the backend.
    """

    client: SyncClient

    def __init__(
        self, target: BackendTarget, registry: Registry, *, is_in_real_time: bool = False
    ) -> None:
        self.target = target
        self.registry = registry
        self.record = Record(target.folder / f"record-{uuid.uuid4().hex[:8]}.jsonl")
        is_manual = target.has_manual_clock and not is_in_real_time
        self._clock = ManualClock() if is_manual else None
        self._system_clock = SystemClock()
        self._pool = SessionPool(self._make_session)
        self._link: Link | None = None
        self._client: Opening | None = None
        self._worker: Opening | None = None
        self._had_worker = False
        self._made: Backend | None = None

    # -- open and closed --------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._client = Opening(self._pool, make_program=None, drain_timeout=timedelta())
        self._link = finish(self._client.open(is_blocking=True))
        self.client = SyncClient(Client(self._link, registry=self.registry))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with contextlib.ExitStack() as stack:
            if self._client is not None:
                stack.callback(finish, self._client.close())
            stack.callback(self.stop_worker)

    def run_worker(self, registry: Registry | None = None) -> None:
        """Run a worker in this process, in the place of the one that ran so far."""
        self.stop_worker()
        program = registry or self.registry
        self._worker = Opening(
            self._pool_for_a_worker(),
            make_program=lambda clock: RegistryProgram(program, clock=clock),
            drain_timeout=timedelta(),
        )
        finish(self._worker.open(is_blocking=True))

    def stop_worker(self) -> None:
        """Stop the worker in this process, if one runs; its activities are given up."""
        worker, self._worker = self._worker, None
        if worker is not None:
            finish(worker.close())

    def start_worker(
        self, registry: str, *, environment: Mapping[str, str] = EMPTY
    ) -> WorkerProcess:
        """Start a worker process; see :meth:`BackendTarget.start_worker`."""
        return self.target.start_worker(registry, environment=environment)

    @contextlib.contextmanager
    def unanswered(self, *, deadline: timedelta) -> Iterator[SyncClient]:
        """Open a client with this deadline, to a backend that takes its questions and is silent."""

        async def never(instance_id: str) -> InstanceInfo:
            del instance_id
            answer: InstanceInfo = await asyncio.get_running_loop().create_future()
            return answer

        opening = Opening(self._pool, make_program=None, drain_timeout=timedelta())
        link = finish(opening.open(deadline=deadline, is_blocking=True))
        get = link.backend.get
        setattr(link.backend, "get", never)  # noqa: B010 - an assignment is nothing mypy allows
        try:
            yield SyncClient(Client(link, registry=self.registry))
        finally:
            setattr(link.backend, "get", get)  # noqa: B010
            finish(opening.close())

    # -- what it is -------------------------------------------------------------------------------

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the backend declares."""
        assert self._link is not None
        return self._link.backend.capabilities

    @property
    def backend(self) -> Any:
        """The backend itself, for contracts about the SPI; its methods run by :meth:`call`."""
        assert self._link is not None
        return self._link.backend

    def call(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine of the backend on its own event loop."""
        assert self._link is not None
        seconds = self.target.patience.total_seconds()
        return finish(self._link.caller(coroutine, timeout_seconds=seconds))

    # -- instances --------------------------------------------------------------------------------

    def new_id(self, label: str = "i") -> str:
        """Return an instance id that nobody has used, for hubs that outlive a test."""
        return f"{label}-{uuid.uuid4().hex[:12]}"

    def start(self, workflow: Any, *args: Any, **options: Any) -> SyncHandle[Any]:
        """Start a workflow under a fresh id, unless ``options`` have one."""
        options.setdefault("instance_id", self.new_id())
        return self.client.start(workflow, *args, **options)

    def result(self, handle: SyncHandle[Any]) -> Any:
        """Return the result of an instance, which must come within our patience."""
        return handle.result(timeout=self.target.patience)

    def end(self, handle: SyncHandle[Any]) -> InstanceInfo:
        """Return the instance's state once it has ended or stalled, within our patience."""
        return handle.wait(timeout=self.target.patience)

    def end_or_none(self, handle: SyncHandle[Any]) -> InstanceInfo | None:
        """Return the instance's state if it has ended or stalled, else ``None``."""
        info = handle.info()
        return info if info.status.is_terminal or info.status is Status.STALLED else None

    def until_exists(self, handle: SyncHandle[Any]) -> None:
        """Wait until the instance is there, as a child is soon after its parent has begun it."""

        def is_there() -> bool:
            with contextlib.suppress(InstanceNotFoundError):
                handle.info()
                return True
            return False

        self.until(is_there, f"{handle.instance_id} never came to be")

    def until_recorded(self, count: int) -> None:
        """Wait until activities have written down at least so many entries."""
        complaint = f"fewer than {count} activities ran"
        self.until(lambda: len(self.record.entries()) >= count, complaint)

    def until_status(self, handle: SyncHandle[Any], status: Status) -> None:
        """Wait until the instance has this status."""
        complaint = f"{handle.instance_id} never was {status}"
        self.until(lambda: handle.info().status is status, complaint)

    def until_shows(self, handle: SyncHandle[Any], custom_status: object) -> None:
        """Wait until the workflow has set its custom status to this."""

        def is_shown() -> bool:
            text = handle.info().custom_status_json
            return text is not None and json.loads(text) == custom_status

        self.until(is_shown, f"{handle.instance_id} never showed {custom_status!r}")

    def replay(self, handle: SyncHandle[Any]) -> None:
        """Run today's code over the instance's history, payloads compared as well.

        Raises:
            NonDeterminismError: It asks for other commands than the history holds.
        """
        program = RegistryProgram(self.registry)
        program.rebuild(handle.info().name, handle.history(), strict=True).close()

    # -- time -------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """Return the instant that the backend's clock shows, as far as we know it."""
        return from_us((self._clock or self._system_clock).now_us())

    @property
    def moment(self) -> timedelta:
        """A durable wait that is short for this backend, yet longer than any mishap of timing."""
        return self.target.moment if self._clock is None else _MANUAL_MOMENT

    def let_pass(self, moments: float) -> None:
        """Let so many moments pass: at once where the clock is manual, else by waiting."""
        duration = self.moment * moments
        if self._clock is None:
            time.sleep(duration.total_seconds())
        else:
            self.call(self._advance(self._clock, duration))

    def settle(self) -> None:
        """Let the backend do what is due now. Real time has no end of that: it waits a little."""
        if self._clock is None:
            time.sleep(self.moment.total_seconds())
        else:
            self.call(self._advance(self._clock, timedelta()))

    def until(self, condition: Callable[[], bool], complaint: str) -> None:
        """Wait in real time until ``condition`` holds.

        Raises:
            AssertionError: It did not come to hold within our patience.
        """
        deadline = time.monotonic() + self.target.patience.total_seconds()
        while not condition():
            assert time.monotonic() < deadline, complaint
            time.sleep(_POLL_SECONDS)

    async def _advance(self, clock: ManualClock, duration: timedelta) -> None:
        backend = self._settling()
        target_us = clock.now_us() + duration // _MICROSECOND
        async with asyncio.timeout(self.target.patience.total_seconds()):
            await backend.settle()
            while (due_us := clock.next_deadline_us()) is not None and due_us <= target_us:
                clock.move_to(due_us)
                await backend.settle()
            clock.move_to(target_us)
            await backend.settle()

    def _settling(self) -> _Settling:
        if not hasattr(self._made, "settle"):
            problem = f"{self.target!r} says has_manual_clock, and its backend has no settle()"
            raise ConfigurationError(setting="backend_target", problem=problem)
        return cast("_Settling", self._made)

    def _pool_for_a_worker(self) -> SessionPool:
        """Return where a worker's backend comes from: an opened one makes at most one worker.

        A manual clock belongs to one event loop, so backends that keep to one share theirs.
        """
        is_first, self._had_worker = not self._had_worker, True
        if is_first or self._clock is not None:
            return self._pool
        return SessionPool(self._make_session)

    def _make_session(self) -> Session:
        clock: Clock = self._clock or self._system_clock
        return Session(
            name=self.target.name,
            clock=clock,
            payloads=read_payloads(self.target.payloads, setting="payloads of the target"),
            make_backend=lambda: self._make_backend(clock),
        )

    def _make_backend(self, clock: Clock) -> Backend:
        self._made = self.target.make_backend(clock=clock)
        return self._made
