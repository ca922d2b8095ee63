"""Approvals as a client sees them: list them, look at one, answer it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from perdure._checks import check_choice, check_timeout
from perdure.approvals.errors import ApprovalNotFoundError, ApprovalNotPermittedError
from perdure.approvals.reading import read_approval
from perdure.approvals.record import (
    ANSWER_EVENT,
    APPROVAL_WORKFLOW,
    ApprovalAnswer,
    ApprovalState,
)
from perdure.approvals.settling import settled
from perdure.errors import InstanceFinishedError, InstanceNotFoundError
from perdure.names import check_instance_id
from perdure.spi.backend import InstanceFilter
from perdure.types import Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import timedelta

    from perdure._link import Link
    from perdure.approvals.record import Approval
    from perdure.spi.backend import Backend
    from perdure.types import InstanceInfo

_PAGE = 100
_MOST_ANCESTORS = 64
_BEGIN_SECONDS = 5.0
_LOOK_SECONDS = 0.1
_STATUSES: dict[ApprovalState, tuple[Status, ...]] = {
    ApprovalState.WAITING: tuple(status for status in Status if not status.is_terminal),
    ApprovalState.APPROVED: (Status.COMPLETED,),
    ApprovalState.DENIED: (Status.COMPLETED,),
    ApprovalState.EXPIRED: (Status.COMPLETED,),
    ApprovalState.CLOSED: (Status.COMPLETED, Status.FAILED, Status.TERMINATED),
}


class ApprovalFilter(TypedDict, total=False):
    """Which approvals are meant; everything given must hold.

    Attributes:
        state: Where they stand: ``"waiting"``.
        instance_id: The workflow instance that asked.
        root_id: What their record has as its root, or any instance above the one that asked.
        session: The conversation they belong to.
        agent: The agent that asked.
        tool: The tool that is to be called.
    """

    state: ApprovalState | str | None
    instance_id: str | None
    root_id: str | None
    session: str | None
    agent: str | None
    tool: str | None


class Approvals:
    """The approvals of one hub. Get it as ``client.approvals``.

    Each call raises ``TimeoutError`` if the backend does not answer within the client's deadline.
    Nobody checks that ``by`` tells the truth: that is for the program that lets people answer.
    """

    def __init__(self, link: Link) -> None:
        self._link = link

    async def list(self, **options: Unpack[ApprovalFilter]) -> AsyncIterator[Approval]:
        """Yield the approvals that match, newest first: ``async for approval in ….list(…)``.

        Args:
            **options: See :class:`~perdure.approvals.client.ApprovalFilter`.

        Raises:
            CapabilityNotSupportedError: The backend cannot list.
            TypeError: There is no such option.
            ValueError: There is no such state.
        """
        state, root_id = options.pop("state", None), options.pop("root_id", None)
        wanted = _fields(options)
        ancestry = _Ancestry(self._link)
        async for info in self._instances(_filter(state)):
            approval = await self._read(info)
            if (
                (state is None or approval.state == state)
                and all(getattr(approval, field) == value for field, value in wanted.items())
                and (root_id is None or await ancestry.has(approval, root_id))
            ):
                yield approval

    async def get(self, approval_id: str, /) -> Approval:
        """Return an approval as it stands.

        Some backends tell nothing of an instance before its first turn; of an approval that was
        only just asked for that is waited for, up to 5 s.

        Raises:
            ApprovalNotFoundError: There is none of that id, or it has not begun.
            InvalidInstanceIdError: The id is not 1 to 64 of letters, digits, ``_`` and ``-``.
        """
        approval_id = check_instance_id(approval_id)
        try:
            info = await self._call("approvals.get", approval_id)
        except InstanceNotFoundError as error:
            raise ApprovalNotFoundError(approval_id=approval_id) from error
        if info.name != APPROVAL_WORKFLOW:
            raise ApprovalNotFoundError(approval_id=approval_id, workflow=info.name)
        return await self._read(info)

    async def approve(
        self,
        approval_id: str,
        /,
        *,
        by: str,
        note: str = "",
        arguments: Any = None,
        timeout: timedelta | None = None,
    ) -> Approval:
        """Approve, and return the approval once that is applied.

        Where no worker applies it in time, the approval that is returned has the state ``stored``:
        the answer is durable, and a worker will apply it, unless another one was stored before.

        Args:
            approval_id: Which one.
            by: Who approves. The same answer by the same person again changes nothing.
            note: Why, for the record.
            arguments: The arguments as edited, in place of all those that were asked for.
            timeout: How long to wait until it is applied; by default the client's deadline.

        Raises:
            ApprovalAlreadyAnsweredError: Somebody has answered it otherwise.
            ApprovalClosedError: Whoever asked has ended or waits no longer.
            ApprovalExpiredError: Its deadline has passed.
            ApprovalNotFoundError: There is none of that id.
            ApprovalNotPermittedError: It is not for ``by`` to answer.
            PayloadError: The arguments are not made of JSON types.
        """
        answer = ApprovalAnswer(verdict="approve", by=by, note=note, arguments=arguments)
        return await self._answer(approval_id, answer, timeout=timeout)

    async def deny(
        self,
        approval_id: str,
        /,
        *,
        by: str,
        note: str = "",
        timeout: timedelta | None = None,
    ) -> Approval:
        """Deny, and return the approval once that is applied. As :meth:`approve`."""
        answer = ApprovalAnswer(verdict="deny", by=by, note=note)
        return await self._answer(approval_id, answer, timeout=timeout)

    async def _answer(
        self, approval_id: str, answer: ApprovalAnswer, *, timeout: timedelta | None
    ) -> Approval:
        from perdure.approvals.workflow import answers

        check_timeout(timeout, may_be_zero=True)
        _check_name("by", answer.by)
        payload = answers().encode(answer)
        approval = await self.get(approval_id)
        if approval.state is not ApprovalState.WAITING:
            return settled(approval, answer)
        if approval.approvers and answer.by not in approval.approvers:
            raise ApprovalNotPermittedError(
                approval_id=approval.id, by=answer.by, approvers=approval.approvers
            )
        raising = self._link.backend.raise_event(approval.id, ANSWER_EVENT, payload)
        try:
            await self._link.call(raising, action="answer", instance_id=approval.id)
        except InstanceFinishedError:  # another answer, or the deadline, was faster
            return settled(await self.get(approval.id), answer)
        return await self._applied(approval, answer, timeout=timeout)

    async def _applied(
        self, approval: Approval, answer: ApprovalAnswer, *, timeout: timedelta | None
    ) -> Approval:
        timeout = self._link.deadline if timeout is None else timeout
        try:
            info = await self._link.wait(approval.id, action="answer", timeout=timeout)
        except TimeoutError:
            return replace(approval, state=ApprovalState.STORED)
        if not info.status.is_terminal:  # stalled
            return replace(approval, state=ApprovalState.STORED)
        return settled(await self._read(info), answer)

    async def _read(self, info: InstanceInfo) -> Approval:
        return await read_approval(info, link=self._link)

    async def _call(self, action: str, approval_id: str) -> InstanceInfo:
        getting = _get_begun(self._link.backend, approval_id)
        return await self._link.call(getting, action=action, instance_id=approval_id)

    async def _instances(self, filter: InstanceFilter) -> AsyncIterator[InstanceInfo]:
        token: str | None = None
        while True:
            query = self._link.backend.query(filter, page_size=_PAGE, token=token)
            page = await self._link.call(query, action="approvals.list")
            for info in page.items:
                yield info
            token = page.next_token
            if token is None:
                return


async def _get_begun(backend: Backend, approval_id: str) -> InstanceInfo:
    """Return what is known of an instance, once it has begun."""
    give_up_at = time.monotonic() + _BEGIN_SECONDS
    while True:
        info = await backend.get(approval_id)
        if info.name or time.monotonic() > give_up_at:
            return info
        await asyncio.sleep(_LOOK_SECONDS)


class _Ancestry:
    """Who stands above whom, asked once for each instance."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._parents: dict[str, str | None] = {}

    async def has(self, approval: Approval, root_id: str) -> bool:
        """Return whether ``root_id`` is the root of an approval, or stands above who asked."""
        found: str | None = approval.instance_id
        if approval.root_id == root_id:
            return True
        for _ in range(_MOST_ANCESTORS):
            if found is None or found == root_id:
                break
            found = await self._parent(found)
        return found == root_id

    async def _parent(self, instance_id: str) -> str | None:
        if instance_id not in self._parents:
            self._parents[instance_id] = await self._ask(instance_id)
        return self._parents[instance_id]

    async def _ask(self, instance_id: str) -> str | None:
        getting = self._link.backend.get(instance_id)
        try:
            info = await self._link.call(getting, action="approvals.list", instance_id=instance_id)
        except InstanceNotFoundError:
            return None  # it was purged
        return None if info.parent is None else info.parent.instance_id


def _filter(state: ApprovalState | str | None) -> InstanceFilter:
    if state is None:
        return InstanceFilter(name=APPROVAL_WORKFLOW)
    check_choice("state", state, tuple(known.value for known in _STATUSES))
    return InstanceFilter(name=APPROVAL_WORKFLOW, statuses=_STATUSES[ApprovalState(state)])


def _fields(options: ApprovalFilter) -> dict[str, object]:
    """Return the fields of a record that must have a value, and which."""
    for option in options:
        if option not in ApprovalFilter.__annotations__:
            known = ", ".join(sorted(ApprovalFilter.__annotations__))
            raise TypeError(f"no option {option!r}; known: {known}")
    return {field: value for field, value in options.items() if value is not None}


def _check_name(option: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{option} is a str, not {type(value).__name__}")
    if not value:
        raise ValueError(f"{option} must not be empty: say who answers")
