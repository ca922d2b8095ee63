"""The sync client: the async one, run to its end in plain code.

The async client suspends only where it calls the backend. Given a caller that blocks there, each of
its coroutines comes to its end in one step, in the thread that asked.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, Generic, TypeVar, Unpack, overload

from perdure._link import SWEEP_GRACE
from perdure._portal import finish, iterate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    from perdure._definition import Call
    from perdure._requests import ListOptions, StartOptions
    from perdure._startable import Startable0, Startable1, Startable2, Startable3, Startable4
    from perdure.approvals.sync_client import SyncApprovals
    from perdure.client import Client
    from perdure.event_types import EventType
    from perdure.handle import WorkflowHandle
    from perdure.payloads.blob import Blob
    from perdure.spi.history import HistoryEvent
    from perdure.types import InstanceInfo
    from perdure.workflow import Workflow

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")


class SyncHandle(Generic[R_co]):
    """One workflow instance, for plain code. Each method is that of :class:`WorkflowHandle`."""

    def __init__(self, handle: WorkflowHandle[R_co]) -> None:
        self._handle = handle

    def __repr__(self) -> str:
        return repr(self._handle)

    @property
    def instance_id(self) -> str:
        """The instance's id."""
        return self._handle.instance_id

    def result(self, *, timeout: timedelta | None = None) -> R_co:
        """See :meth:`WorkflowHandle.result`."""
        return finish(self._handle.result(timeout=timeout))

    def wait(self, *, timeout: timedelta | None = None) -> InstanceInfo:
        """See :meth:`WorkflowHandle.wait`."""
        return finish(self._handle.wait(timeout=timeout))

    def info(self) -> InstanceInfo:
        """See :meth:`WorkflowHandle.info`."""
        return finish(self._handle.info())

    @overload
    def raise_event(self, event: EventType[T], value: T, /) -> None: ...
    @overload
    def raise_event(self, event: str, value: Any = ..., /) -> None: ...
    def raise_event(self, event: Any, value: Any = None, /) -> None:
        """See :meth:`WorkflowHandle.raise_event`."""
        finish(self._handle.raise_event(event, value))

    def cancel(self) -> None:
        """See :meth:`WorkflowHandle.cancel`."""
        finish(self._handle.cancel())

    def suspend(self, *, reason: str = "") -> None:
        """See :meth:`WorkflowHandle.suspend`."""
        finish(self._handle.suspend(reason=reason))

    def resume(self, *, reason: str = "") -> None:
        """See :meth:`WorkflowHandle.resume`."""
        finish(self._handle.resume(reason=reason))

    def terminate(self, *, reason: str = "") -> None:
        """See :meth:`WorkflowHandle.terminate`."""
        finish(self._handle.terminate(reason=reason))

    def restart(self) -> InstanceInfo:
        """See :meth:`WorkflowHandle.restart`."""
        return finish(self._handle.restart())

    def rerun(self, *, from_command: int) -> InstanceInfo:
        """See :meth:`WorkflowHandle.rerun`."""
        return finish(self._handle.rerun(from_command=from_command))

    def purge(self) -> None:
        """See :meth:`WorkflowHandle.purge`."""
        finish(self._handle.purge())

    def history(self, *, run_id: str | None = None) -> Sequence[HistoryEvent]:
        """See :meth:`WorkflowHandle.history`."""
        return finish(self._handle.history(run_id=run_id))


class SyncClient:
    """Talks to one backend from plain code. Get it by ``with app.client()`` or ``with app.run()``.

    Each method is that of :class:`Client`; use it from any thread.
    """

    def __init__(self, client: Client) -> None:
        """Wrap ``client``, whose calls must block instead of suspending."""
        self._client = client

    @property
    def approvals(self) -> SyncApprovals:
        """See :attr:`Client.approvals`."""
        from perdure.approvals.sync_client import SyncApprovals

        return SyncApprovals(self._client.approvals)

    @overload
    def start(
        self, workflow: Startable0[R], /, **options: Unpack[StartOptions]
    ) -> SyncHandle[R]: ...
    @overload
    def start(self, workflow: Call[R], /, **options: Unpack[StartOptions]) -> SyncHandle[R]: ...
    @overload
    def start(
        self, workflow: Startable1[A, R], a: A, /, **options: Unpack[StartOptions]
    ) -> SyncHandle[R]: ...
    @overload
    def start(
        self, workflow: Startable2[A, B, R], a: A, b: B, /, **options: Unpack[StartOptions]
    ) -> SyncHandle[R]: ...
    @overload
    def start(
        self, workflow: Startable3[A, B, C, R], a: A, b: B, c: C, /, **options: Unpack[StartOptions]
    ) -> SyncHandle[R]: ...
    @overload
    def start(
        self,
        workflow: Startable4[A, B, C, D, R],
        a: A,
        b: B,
        c: C,
        d: D,
        /,
        **options: Unpack[StartOptions],
    ) -> SyncHandle[R]: ...
    @overload
    def start(
        self,
        workflow: str,
        /,
        *args: Any,
        arguments: Mapping[str, Any] | None = None,
        **options: Unpack[StartOptions],
    ) -> SyncHandle[Any]: ...
    def start(self, workflow: Any, /, *args: Any, **options: Any) -> SyncHandle[Any]:
        """See :meth:`Client.start`."""
        return SyncHandle(finish(self._client.start(workflow, *args, **options)))

    @overload
    def get(self, workflow: Workflow[..., R], instance_id: str, /) -> SyncHandle[R]: ...
    @overload
    def get(self, workflow: str | None, instance_id: str, /) -> SyncHandle[Any]: ...
    def get(self, workflow: Any, instance_id: str, /) -> SyncHandle[Any]:
        """See :meth:`Client.get`."""
        return SyncHandle(self._client.get(workflow, instance_id))

    def list(
        self, *, page_size: int = 100, **options: Unpack[ListOptions]
    ) -> Iterator[InstanceInfo]:
        """See :meth:`Client.list`."""
        return iterate(self._client.list(page_size=page_size, **options))

    def purge(
        self,
        instance_id: str | None = None,
        /,
        *,
        finished_before: datetime | timedelta | None = None,
        **options: Unpack[ListOptions],
    ) -> int:
        """See :meth:`Client.purge`."""
        return finish(self._client.purge(instance_id, finished_before=finished_before, **options))

    def upload(self, instance_id: str, source: str | Path | IO[bytes] | Iterable[bytes], /) -> Blob:
        """See :meth:`Client.upload`."""
        from perdure.payloads.blob import write_blob

        return write_blob(self._client._home(instance_id), source)

    def download(self, blob: Blob, path: str | Path, /) -> None:
        """See :meth:`Client.download`."""
        from perdure.payloads.blob import save_blob

        save_blob(self._client._link.backend.payloads, blob, path)

    def stream(self, blob: Blob, /) -> Iterator[bytes]:
        """See :meth:`Client.stream`."""
        from perdure.payloads.blob import read_blob

        return read_blob(self._client._link.backend.payloads, blob)

    def sweep_payloads(self, *, grace: timedelta = SWEEP_GRACE) -> int:
        """See :meth:`Client.sweep_payloads`."""
        return finish(self._client.sweep_payloads(grace=grace))
