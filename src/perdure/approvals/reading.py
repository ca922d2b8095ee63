"""Reading an approval from what a backend knows of its instance."""

from __future__ import annotations

import functools
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from perdure.approvals.record import (
    Approval,
    ApprovalOutcome,
    ApprovalRequest,
    ApprovalState,
)
from perdure.types import Status

if TYPE_CHECKING:
    from perdure._link import Link
    from perdure.payloads import ParameterConverter, ValueConverter
    from perdure.types import InstanceInfo

_FIELDS = tuple(field.name for field in fields(ApprovalRequest))


async def read_approval(info: InstanceInfo, *, link: Link) -> Approval:
    """Return the approval that an instance of ``perdure.approval`` keeps.

    Raises:
        PayloadError: Its record cannot be read.
        PayloadStoreError: The payload store, where it lies, cannot be reached.
    """
    stored = await _plain(info.input_json, info=info, link=link)
    args, kwargs = _requests().decode(stored)
    request: ApprovalRequest = next(iter((*args, *kwargs.values())))
    outcome = _how_it_ended(info)
    if outcome is None and info.status is Status.COMPLETED:
        ended = await _plain(info.output_json, info=info, link=link)
        outcome = _outcomes().decode(ended)
    asked: dict[str, Any] = {name: getattr(request, name) for name in _FIELDS}
    if outcome is None:
        return Approval(**asked, id=info.instance_id, state=ApprovalState.WAITING)
    return Approval(
        **asked,
        id=info.instance_id,
        state=outcome.state,
        decision=outcome.decision,
        reason=outcome.reason,
    )


def _how_it_ended(info: InstanceInfo) -> ApprovalOutcome | None:
    """Return the outcome of an instance that ended without a result of its own."""
    if info.status is Status.TERMINATED:
        reason = "whoever asked has ended" if not info.reason else info.reason
        return ApprovalOutcome(state=ApprovalState.CLOSED, reason=reason)
    if info.status is Status.FAILED:
        reason = info.failure.message if info.failure is not None else ""
        reason = reason or info.reason or "it failed"
        return ApprovalOutcome(state=ApprovalState.CLOSED, reason=reason)
    return None


async def _plain(stored: str | None, *, info: InstanceInfo, link: Link) -> str:
    text = stored or "null"
    what = f"approval {info.instance_id!r}"
    payloads = link.backend.payloads
    if not payloads.must_fetch(text):
        return payloads.read(text, what=what)  # plain already, unless it cannot be read here
    reading = payloads.read_async(text, what=what)
    return await link.call(reading, action="approvals", instance_id=info.instance_id)


@functools.cache
def _requests() -> ParameterConverter:
    from perdure.approvals.workflow import approval

    return approval.code.parameters


@functools.cache
def _outcomes() -> ValueConverter:
    from perdure.approvals.workflow import approval

    return approval.code.result
