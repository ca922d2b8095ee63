"""What is known of instances, as plain data for programs to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure.cli.stored import json_value
from perdure.cli.text import iso

if TYPE_CHECKING:
    from datetime import datetime

    from perdure.types import Failure, InstanceInfo


def instance_record(info: InstanceInfo) -> dict[str, Any]:
    """Return everything that is known of an instance; payloads are values."""
    return {
        "instance_id": info.instance_id,
        "run_id": info.run_id,
        "workflow": info.name,
        "status": info.status.value,
        "created_at": iso(info.created_at),
        "updated_at": iso(info.updated_at),
        "finished_at": _iso(info.finished_at),
        "start_at": _iso(info.start_at),
        "input": json_value(info.input_json),
        "output": json_value(info.output_json),
        "custom_status": json_value(info.custom_status_json),
        "failure": None if info.failure is None else failure_record(info.failure),
        "reason": info.reason,
        "parent": None
        if info.parent is None
        else {
            "instance_id": info.parent.instance_id,
            "run_id": info.parent.run_id,
            "command_id": info.parent.command_id,
        },
        "tags": dict(info.tags),
        "headers": dict(info.headers),
    }


def failure_record(failure: Failure) -> dict[str, Any]:
    """Return a failure and what caused it."""
    return {
        "type": failure.type,
        "message": failure.message,
        "traceback": failure.traceback,
        "cause": None if failure.cause is None else failure_record(failure.cause),
    }


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else iso(instant)
