"""Starts: the input that an instance is started with."""

from __future__ import annotations

import platform
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from perdure._version import __version__
from perdure.clock import from_us, to_us
from perdure.spi.bridge import StartEnvelope
from perdure.types import InstanceInfo, Status

if TYPE_CHECKING:
    from perdure.spi.values import StartRequest

_MICROSECOND: Final = timedelta(microseconds=1)


def new_start(request: StartRequest, *, created_us: int) -> StartEnvelope:
    """Return the input of an instance that a client starts, with a run id of its own."""
    timeout = request.execution_timeout
    run_id = uuid.uuid4().hex
    return StartEnvelope(
        run_id=run_id,
        seed=run_id,
        arguments=request.arguments,
        headers=request.headers,
        tags=request.tags,
        created_us=created_us,
        start_at_us=None if request.start_at is None else to_us(request.start_at),
        execution_timeout_us=None if timeout is None else timeout // _MICROSECOND,
        python=platform.python_version(),
        version=__version__,
    )


def renewed_start(old: StartEnvelope, *, now_us: int) -> StartEnvelope:
    """Return the input of a run in the place of a finished one.

    Whoever started the old one has had its answer, so it has no parent.
    """
    run_id = uuid.uuid4().hex
    return StartEnvelope(
        run_id=run_id,
        seed=run_id,
        arguments=old.arguments,
        headers=old.headers,
        tags=old.tags,
        created_us=old.created_us or now_us,
        execution_timeout_us=old.execution_timeout_us,
        python=platform.python_version(),
        version=__version__,
    )


def is_ours(existing: InstanceInfo, start: StartEnvelope) -> bool:
    """Return whether an instance is what was to be started; a child may be in a later run."""
    is_child = start.parent is not None and existing.parent == start.parent
    return is_child or existing.run_id == start.run_id


def pending_info(request: StartRequest, start: StartEnvelope) -> InstanceInfo:
    """Return what is known of an instance that was just started."""
    created_at = from_us(start.created_us or 0)
    return InstanceInfo(
        instance_id=request.instance_id,
        run_id=start.run_id,
        name=request.workflow,
        status=Status.PENDING,
        created_at=created_at,
        updated_at=created_at,
        start_at=request.start_at,
        input_json=start.arguments,
        parent=start.parent,
        tags=start.tags,
        headers=start.headers,
    )
