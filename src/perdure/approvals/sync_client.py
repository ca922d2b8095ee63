"""Approvals for plain code: the async ones, run to their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from perdure._portal import finish, iterate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from perdure.approvals.client import ApprovalFilter, Approvals
    from perdure.approvals.record import Approval


class SyncApprovals:
    """The approvals of one hub, for plain code. Each method is that of :class:`Approvals`."""

    def __init__(self, approvals: Approvals) -> None:
        """Wrap ``approvals``, whose calls must block instead of suspending."""
        self._approvals = approvals

    def list(self, **options: Unpack[ApprovalFilter]) -> Iterator[Approval]:
        """See :meth:`Approvals.list`."""
        return iterate(self._approvals.list(**options))

    def get(self, approval_id: str, /) -> Approval:
        """See :meth:`Approvals.get`."""
        return finish(self._approvals.get(approval_id))

    def approve(
        self,
        approval_id: str,
        /,
        *,
        by: str,
        note: str = "",
        arguments: Any = None,
        timeout: timedelta | None = None,
    ) -> Approval:
        """See :meth:`Approvals.approve`."""
        return finish(
            self._approvals.approve(
                approval_id, by=by, note=note, arguments=arguments, timeout=timeout
            )
        )

    def deny(
        self, approval_id: str, /, *, by: str, note: str = "", timeout: timedelta | None = None
    ) -> Approval:
        """See :meth:`Approvals.deny`."""
        return finish(self._approvals.deny(approval_id, by=by, note=note, timeout=timeout))
