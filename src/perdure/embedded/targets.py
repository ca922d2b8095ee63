"""Which instance a statement is about: its run, its parent, and who has it loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perdure.types import ParentLink, Status

if TYPE_CHECKING:
    from perdure.embedded.transaction import Transaction

COLUMNS = (
    "pk, instance_id, run_id, run_number, "
    "parent_instance_id, parent_run_id, parent_command_id, owner, status"
)
_FIND = f"SELECT {COLUMNS} FROM instances WHERE instance_id = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of an instance, and whose child that is."""

    pk: int
    instance_id: str
    run_id: str
    run_number: int
    parent: ParentLink | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An instance that something is done to from outside."""

    run: Run
    owner: int | None
    status: Status

    @property
    def is_finished(self) -> bool:
        """Whether it has ended."""
        return self.status.is_terminal


def find(tx: Transaction, instance_id: str) -> Target | None:
    """Return the instance of that id, if there is one."""
    row = tx.execute(_FIND, (instance_id,)).fetchone()
    return None if row is None else target_of(row)


def target_of(row: Any) -> Target:
    """Return what a row of :data:`COLUMNS` says."""
    pk, instance_id, run_id, run_number, parent_id, parent_run, parent_command, owner, status = row
    parent = None
    if parent_id is not None:
        parent = ParentLink(instance_id=parent_id, run_id=parent_run, command_id=parent_command)
    run = Run(pk=pk, instance_id=instance_id, run_id=run_id, run_number=run_number, parent=parent)
    return Target(run=run, owner=owner, status=Status(status))
