"""The async client: start instances, get handles to them, list and purge them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any, TypeVar, Unpack, overload

from perdure._link import SWEEP_GRACE
from perdure._requests import (
    ListOptions,
    StartOptions,
    check_workflow,
    make_filter,
    make_start_request,
    resolve_call,
)
from perdure.clock import from_us
from perdure.errors import InstanceActiveError, InstanceNotFoundError
from perdure.handle import WorkflowHandle
from perdure.names import check_instance_id
from perdure.spi.backend import InstanceFilter
from perdure.types import Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping
    from datetime import datetime, timedelta
    from pathlib import Path

    from perdure._definition import Call
    from perdure._link import Link
    from perdure._startable import Startable0, Startable1, Startable2, Startable3, Startable4
    from perdure.approvals.client import Approvals
    from perdure.payloads.blob import Blob
    from perdure.payloads.home import Home
    from perdure.registry import Registry
    from perdure.spi.backend import Backend
    from perdure.types import InstanceInfo
    from perdure.workflow import Workflow

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
R = TypeVar("R")

_PURGE_PAGE = 200
_FINISHED = tuple(status for status in Status if status.is_terminal)


class Client:
    """Talks to one backend. Get it by ``async with app.client()`` or ``app.run()``.

    It may be used on any event loop. Each call raises ``TimeoutError`` if the backend does not
    answer within the client's deadline, and ``BackendUnavailableError`` if it cannot be reached, or
    the client is closed.
    """

    def __init__(self, link: Link, *, registry: Registry) -> None:
        self._link = link
        self._registry = registry

    @property
    def approvals(self) -> Approvals:
        """What workflows have asked people to approve."""
        from perdure.approvals.client import Approvals

        return Approvals(self._link)

    @overload
    async def start(
        self, workflow: Startable0[R], /, **options: Unpack[StartOptions]
    ) -> WorkflowHandle[R]: ...
    @overload
    async def start(
        self, workflow: Call[R], /, **options: Unpack[StartOptions]
    ) -> WorkflowHandle[R]: ...
    @overload
    async def start(
        self, workflow: Startable1[A, R], a: A, /, **options: Unpack[StartOptions]
    ) -> WorkflowHandle[R]: ...
    @overload
    async def start(
        self, workflow: Startable2[A, B, R], a: A, b: B, /, **options: Unpack[StartOptions]
    ) -> WorkflowHandle[R]: ...
    @overload
    async def start(
        self, workflow: Startable3[A, B, C, R], a: A, b: B, c: C, /, **options: Unpack[StartOptions]
    ) -> WorkflowHandle[R]: ...
    @overload
    async def start(
        self,
        workflow: Startable4[A, B, C, D, R],
        a: A,
        b: B,
        c: C,
        d: D,
        /,
        **options: Unpack[StartOptions],
    ) -> WorkflowHandle[R]: ...
    @overload
    async def start(
        self,
        workflow: str,
        /,
        *args: Any,
        arguments: Mapping[str, Any] | None = None,
        **options: Unpack[StartOptions],
    ) -> WorkflowHandle[Any]: ...
    async def start(
        self,
        workflow: Any,
        /,
        *args: Any,
        arguments: Mapping[str, Any] | None = None,
        **options: Unpack[StartOptions],
    ) -> WorkflowHandle[Any]:
        """Start a workflow, durably, and return a handle to the instance.

        Args:
            workflow: The workflow; a call made by ``workflow.bind(…)``, which takes any arguments;
                or a name.
            *args: The workflow's arguments.
            arguments: With a name: arguments by parameter name, also for a workflow that this app
                does not have.
            **options: See :class:`~perdure._requests.StartOptions`.

        Raises:
            InstanceAlreadyExistsError: There is an instance of that id, and ``if_exists`` says so.
            InvalidInstanceIdError: The id is not 1 to 64 of letters, digits, ``_`` and ``-``.
            PayloadError: An argument cannot be stored, or is not of its declared type.
            TimeoutError: No answer within the deadline; it may have been started all the same.
            TypeError: The arguments do not fit the workflow's parameters.
        """
        name, encoded, known = resolve_call(
            workflow, args, arguments=arguments, registry=self._registry
        )
        request = make_start_request(workflow=name, arguments=encoded, options=options)
        await self._link.call(
            self._link.backend.start(request), action="start", instance_id=request.instance_id
        )
        return WorkflowHandle(self._link, request.instance_id, workflow=known)

    @overload
    def get(self, workflow: Workflow[..., R], instance_id: str, /) -> WorkflowHandle[R]: ...
    @overload
    def get(self, workflow: str | None, instance_id: str, /) -> WorkflowHandle[Any]: ...
    def get(self, workflow: Any, instance_id: str, /) -> WorkflowHandle[Any]:
        """Return a handle to an instance, without asking whether there is one.

        Args:
            workflow: What says the type of the result; ``None`` for plain JSON.
            instance_id: The instance's id.

        Raises:
            InvalidInstanceIdError: The id is not 1 to 64 of letters, digits, ``_`` and ``-``.
        """
        if workflow is None or isinstance(workflow, str):
            known = self._registry.workflows.get(workflow or "")
        else:
            known = check_workflow(workflow)
        return WorkflowHandle(self._link, check_instance_id(instance_id), workflow=known)

    def list(
        self, *, page_size: int = 100, **options: Unpack[ListOptions]
    ) -> AsyncIterator[InstanceInfo]:
        """Return the instances that match, newest first; pages are fetched as they are needed.

        Args:
            page_size: How many to ask the backend for at a time.
            **options: See :class:`~perdure._requests.ListOptions`.

        Raises:
            CapabilityNotSupportedError: The backend cannot list. (When the first is asked for.)
            ValueError: An option has a value that cannot be.
        """
        if page_size < 1:
            raise ValueError(f"page_size must be at least 1, got {page_size}")
        return self._pages(self._filter(options), page_size)

    async def purge(
        self,
        instance_id: str | None = None,
        /,
        *,
        finished_before: datetime | timedelta | None = None,
        **options: Unpack[ListOptions],
    ) -> int:
        """Delete finished instances: one by its id, or all that match. Return how many.

        Args:
            instance_id: The one to delete.
            finished_before: Those that ended before this instant, or so long ago.
            **options: Which ones; see :class:`~perdure._requests.ListOptions`. Something must be
                said: ``finished_before=timedelta()`` means all that are finished.

        Raises:
            CapabilityNotSupportedError: The backend cannot list.
            InstanceActiveError: The one to delete has not ended.
            InstanceNotFoundError: There is no instance of that id.
            ValueError: Nothing was said, or more than finished instances are asked for.
        """
        if instance_id is not None:
            if options or finished_before is not None:
                raise ValueError("say either an instance id or which instances, not both")
            await self.get(None, instance_id).purge()
            return 1
        filter = _finished_only(self._filter(options, finished_before=finished_before))
        total = 0
        while purged := await self._sweep(filter):
            total += purged
        return total

    async def upload(
        self, instance_id: str, source: str | Path | IO[bytes] | Iterable[bytes], /
    ) -> Blob:
        """Write a file, or what yields bytes, to the payload store; it may be of any size.

        Args:
            instance_id: The instance that it belongs to and will be purged with. It need not have
                been started yet.
            source: A path, an open file, or an iterable of bytes.

        Raises:
            ConfigurationError: There is no payload store.
            InvalidInstanceIdError: The id is not 1 to 64 of letters, digits, ``_`` and ``-``.
            PayloadStoreError: The store cannot be reached.
        """
        from perdure.payloads.blob import write_blob

        return await asyncio.to_thread(write_blob, self._home(instance_id), source)

    async def download(self, blob: Blob, path: str | Path, /) -> None:
        """Write the bytes of a blob to a file, which is whole or absent.

        Raises:
            PayloadError: It was purged, cut or altered, or cannot be decoded here.
            PayloadStoreError: The store cannot be reached.
        """
        from perdure.payloads.blob import save_blob

        await asyncio.to_thread(save_blob, self._link.backend.payloads, blob, path)

    def stream(self, blob: Blob, /) -> AsyncIterator[bytes]:
        """Return the bytes of a blob, a piece at a time. Raises as :meth:`download`."""
        from perdure.payloads.blob import stream_blob

        return stream_blob(self._link.backend.payloads, blob)

    async def sweep_payloads(self, *, grace: timedelta = SWEEP_GRACE) -> int:
        """Remove from the payload store what belongs to no instance; return how many objects.

        They are left where instances were purged by the engine itself (``retention``), by a client
        without the store, or never started.

        Args:
            grace: How long to wait before a second look, so that nothing is removed that a client
                has written for an instance which it is just about to start.
        """
        sweep = self._link.backend.sweep(grace=grace)
        return await self._link.caller(sweep, timeout_seconds=None)

    def _home(self, instance_id: str) -> Home:
        from perdure.payloads.home import Home

        return Home(pipeline=self._link.backend.payloads, root=check_instance_id(instance_id))

    def _filter(
        self, options: ListOptions, *, finished_before: datetime | timedelta | None = None
    ) -> InstanceFilter:
        now = from_us(self._link.clock.now_us())
        return make_filter(options, now=now, finished_before=finished_before)

    async def _pages(self, filter: InstanceFilter, page_size: int) -> AsyncIterator[InstanceInfo]:
        token: str | None = None
        while True:
            query = self._link.backend.query(filter, page_size=page_size, token=token)
            page = await self._link.call(query, action="list")
            for info in page.items:
                yield info
            token = page.next_token
            if token is None:
                return

    async def _sweep(self, filter: InstanceFilter) -> int:
        """Purge what matches. Pages may shift under it, so one sweep need not get all."""
        token: str | None = None
        total = 0
        while True:
            one_page = _purge_page(self._link.backend, filter, token)
            purged, token = await self._link.call(one_page, action="purge")
            total += purged
            if token is None:
                return total


async def _purge_page(
    backend: Backend, filter: InstanceFilter, token: str | None
) -> tuple[int, str | None]:
    page = await backend.query(filter, page_size=_PURGE_PAGE, token=token)
    purged = await asyncio.gather(*(_purged(backend, info.instance_id) for info in page.items))
    return sum(purged), page.next_token


async def _purged(backend: Backend, instance_id: str) -> bool:
    try:
        await backend.purge(instance_id)
    except (InstanceActiveError, InstanceNotFoundError):
        return False  # somebody else was faster: it was purged, or started again
    return True


def _finished_only(filter: InstanceFilter) -> InstanceFilter:
    if filter == InstanceFilter():
        raise ValueError('say which instances to purge, for example status=["completed"]')
    active = [status for status in filter.statuses if not status.is_terminal]
    if active:
        raise ValueError(
            f"only finished instances can be purged, and {active[0]} is no such status"
        )
    return replace(filter, statuses=filter.statuses or _FINISHED)
