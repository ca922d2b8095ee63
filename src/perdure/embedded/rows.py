"""Rows of the table of instances: how they are made, and what they say."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from perdure.clock import from_us
from perdure.spi.history import BufferedEvent, Completed, Failed, Terminated, WorkflowStarted
from perdure.spi.journal import failure_from_data, failure_to_data
from perdure.spi.replies import child_ended
from perdure.types import EMPTY, Failure, InstanceInfo, ParentLink, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from perdure.spi.history import ChildCompleted, ChildFailed
    from perdure.types import OnParentEnd

INFO_COLUMNS = (
    "pk, instance_id, run_id, run_number, workflow, status, "
    "created_at_us, updated_at_us, finished_at_us, start_at_us, "
    "parent_instance_id, parent_run_id, parent_command_id, "
    "reason, headers, tags, custom_status, failure, arguments, output"
)
_START_COLUMNS = (
    "instance_id, run_id, workflow, arguments, seed, headers, tags, carried, "
    "execution_deadline_us, parent_instance_id, parent_run_id, parent_command_id"
)
_SELECT_START = f"SELECT {_START_COLUMNS} FROM instances WHERE pk = ?"
_SELECT_RESULT = "SELECT finished_at_us, output, failure, reason FROM instances WHERE pk = ?"

_INSERT = """
INSERT INTO instances (
    instance_id, run_id, workflow, status, owner, wake_at_us, created_at_us, updated_at_us,
    start_at_us, execution_timeout_us, execution_deadline_us, seed,
    parent_instance_id, parent_run_id, parent_command_id, on_parent_end, headers, tags, arguments
) VALUES (?, ?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (instance_id) DO NOTHING
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInstance:
    """An instance to be inserted."""

    instance_id: str
    run_id: str
    workflow: str
    arguments: str
    start_at_us: int | None = None
    execution_timeout_us: int | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    tags: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    parent: ParentLink | None = None
    on_parent_end: OnParentEnd | None = None

    def deadline_us(self, now_us: int) -> int | None:
        """Return when the run fails by itself; the time until ``start_at`` does not count."""
        if self.execution_timeout_us is None:
            return None
        return max(now_us, self.start_at_us or 0) + self.execution_timeout_us

    def started(self, now_us: int) -> WorkflowStarted:
        """Return what the first run begins with."""
        return WorkflowStarted(
            at_us=now_us,
            instance_id=self.instance_id,
            run_id=self.run_id,
            workflow=self.workflow,
            arguments=self.arguments,
            seed=self.run_id,
            headers=self.headers,
            tags=self.tags,
            parent=self.parent,
            execution_deadline_us=self.deadline_us(now_us),
        )

    def info(self, now_us: int) -> InstanceInfo:
        """Return what is known of it right after it was inserted."""
        created_at = from_us(now_us)
        return InstanceInfo(
            instance_id=self.instance_id,
            run_id=self.run_id,
            name=self.workflow,
            status=Status.PENDING,
            created_at=created_at,
            updated_at=created_at,
            start_at=None if self.start_at_us is None else from_us(self.start_at_us),
            input_json=self.arguments,
            parent=self.parent,
            tags=self.tags,
            headers=self.headers,
        )

    def insert(self, connection: Any, *, owner: int | None, now_us: int) -> int | None:
        """Insert the row and return its pk, or ``None`` if there is an instance of that id."""
        parent = self.parent
        cursor = connection.execute(
            _INSERT,
            (
                self.instance_id,
                self.run_id,
                self.workflow,
                owner,
                (self.start_at_us or 0) if owner is None else 0,
                now_us,
                now_us,
                self.start_at_us,
                self.execution_timeout_us,
                self.deadline_us(now_us),
                self.run_id,
                parent and parent.instance_id,
                parent and parent.run_id,
                parent and parent.command_id,
                self.on_parent_end,
                text_of(self.headers),
                text_of(self.tags),
                self.arguments,
            ),
        )
        return cursor.lastrowid if cursor.rowcount else None


def named(connection: sqlite3.Connection) -> sqlite3.Cursor:
    """Return a cursor whose rows are read by the names of their columns."""
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    return cursor


def text_of(mapping: Mapping[str, str]) -> str:
    """Return ``mapping`` as a JSON object."""
    return json.dumps(dict(mapping)) if mapping else "{}"


def failure_text(failure: Failure | None) -> str | None:
    """Return ``failure`` as JSON text."""
    return None if failure is None else json.dumps(failure_to_data(failure))


def carried_text(carried: Sequence[BufferedEvent]) -> str | None:
    """Return the events that one run hands to the next as JSON text."""
    return json.dumps([(event.name, event.payload) for event in carried]) if carried else None


def read_started(connection: sqlite3.Connection, *, pk: int, now_us: int) -> WorkflowStarted:
    """Return what the present run of an instance begins with."""
    row = named(connection).execute(_SELECT_START, (pk,)).fetchone()
    carried = json.loads(row["carried"]) if row["carried"] else ()
    return WorkflowStarted(
        at_us=now_us,
        instance_id=row["instance_id"],
        run_id=row["run_id"],
        workflow=row["workflow"],
        arguments=row["arguments"],
        seed=row["seed"],
        headers=json.loads(row["headers"]),
        tags=json.loads(row["tags"]),
        parent=_parent(row),
        carried=tuple(BufferedEvent(name=name, payload=payload) for name, payload in carried),
        execution_deadline_us=row["execution_deadline_us"],
    )


def child_result(
    connection: sqlite3.Connection, pk: int, *, command_id: int
) -> ChildCompleted | ChildFailed:
    """Return what the parent of a finished instance is told, which asked for it by a command."""
    row = named(connection).execute(_SELECT_RESULT, (pk,)).fetchone()
    at_us = row["finished_at_us"]
    end: Completed | Failed | Terminated
    if row["output"] is not None:
        end = Completed(at_us=at_us, result=row["output"])
    elif row["failure"] is not None:
        end = Failed(at_us=at_us, failure=failure_from_data(json.loads(row["failure"])))
    else:
        end = Terminated(at_us=at_us, reason=row["reason"] or "")
    return child_ended(command_id, end)


def info_of(row: sqlite3.Row) -> InstanceInfo:
    """Return what a row of :data:`INFO_COLUMNS` says."""
    return InstanceInfo(
        instance_id=row["instance_id"],
        run_id=row["run_id"],
        name=row["workflow"],
        status=Status(row["status"]),
        created_at=from_us(row["created_at_us"]),
        updated_at=from_us(row["updated_at_us"]),
        finished_at=None if row["finished_at_us"] is None else from_us(row["finished_at_us"]),
        start_at=None if row["start_at_us"] is None else from_us(row["start_at_us"]),
        input_json=row["arguments"],
        output_json=row["output"],
        custom_status_json=row["custom_status"],
        failure=None if row["failure"] is None else failure_from_data(json.loads(row["failure"])),
        reason=row["reason"],
        parent=_parent(row),
        tags=json.loads(row["tags"]),
        headers=json.loads(row["headers"]),
    )


def _parent(row: sqlite3.Row) -> ParentLink | None:
    if row["parent_instance_id"] is None:
        return None
    return ParentLink(
        instance_id=row["parent_instance_id"],
        run_id=row["parent_run_id"],
        command_id=row["parent_command_id"],
    )
