"""Reading: one instance, a page of them, a journal. Each is a statement or two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.clock import to_us
from perdure.embedded.rows import INFO_COLUMNS, info_of, named
from perdure.errors import InstanceNotFoundError
from perdure.spi.backend import InstancePage
from perdure.spi.journal import decode_journal

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from perdure.spi.backend import InstanceFilter
    from perdure.spi.history import HistoryEvent
    from perdure.types import InstanceInfo

_GET = f"SELECT {INFO_COLUMNS} FROM instances WHERE instance_id = ?"
_RUN = """
SELECT pk, run_number FROM instances WHERE instance_id = :instance_id AND :run_id IN (run_id, '')
UNION ALL
SELECT pk, past_runs.run_number FROM instances JOIN past_runs ON instance_pk = pk
WHERE instance_id = :instance_id AND past_runs.run_id = :run_id
"""
_JOURNAL = "SELECT entries FROM journal WHERE instance_pk = ? AND run_number = ? ORDER BY seq"


def get(connection: sqlite3.Connection, instance_id: str) -> InstanceInfo:
    """Return what is known of an instance.

    Raises:
        InstanceNotFoundError: There is none.
    """
    row = named(connection).execute(_GET, (instance_id,)).fetchone()
    if row is None:
        raise InstanceNotFoundError(instance_id=instance_id)
    return info_of(row)


def query(
    connection: sqlite3.Connection, filter: InstanceFilter, *, page_size: int, token: str | None
) -> InstancePage:
    """Return one page, newest first. Instances are numbered as they are made; so is the token.

    Raises:
        ValueError: ``token`` is not one of ours, or ``page_size`` is not positive.
    """
    if page_size < 1:
        raise ValueError(f"page_size must be positive, got {page_size}")
    conditions = dict(_conditions(filter))
    if token is not None:
        conditions["pk < :token"] = {"token": int(token)}
    where = " AND ".join(conditions) or "1"
    parameters: dict[str, object] = {"most": page_size + 1}
    for more in conditions.values():
        parameters.update(more)
    statement = f"SELECT {INFO_COLUMNS} FROM instances WHERE {where} ORDER BY pk DESC LIMIT :most"
    rows = named(connection).execute(statement, parameters).fetchall()
    page = rows[:page_size]
    next_token = str(page[-1]["pk"]) if len(rows) > page_size else None
    return InstancePage(items=tuple(map(info_of, page)), next_token=next_token)


def history(
    connection: sqlite3.Connection, instance_id: str, *, run_id: str | None
) -> list[HistoryEvent]:
    """Return the journal of a run.

    Raises:
        InstanceNotFoundError: There is no such instance or run.
    """
    row = connection.execute(_RUN, {"instance_id": instance_id, "run_id": run_id or ""}).fetchone()
    if row is None:
        raise InstanceNotFoundError(instance_id=instance_id, run_id=run_id)
    texts = connection.execute(_JOURNAL, row).fetchall()
    return [event for (text,) in texts for event in decode_journal(text)]


def _conditions(filter: InstanceFilter) -> Iterator[tuple[str, dict[str, object]]]:
    if filter.statuses:
        names = {f"status{n}": status.value for n, status in enumerate(filter.statuses)}
        yield f"status IN ({', '.join(':' + name for name in names)})", dict(names)
    if filter.name is not None:
        yield "workflow = :workflow", {"workflow": filter.name}
    if filter.id_prefix:
        prefix = {"prefix": filter.id_prefix, "length": len(filter.id_prefix)}
        yield "substr(instance_id, 1, :length) = :prefix", prefix
    if filter.since is not None:
        yield "created_at_us >= :since", {"since": to_us(filter.since)}
    if filter.until is not None:
        yield "created_at_us <= :until", {"until": to_us(filter.until)}
    if filter.finished_before is not None:
        yield "finished_at_us < :finished", {"finished": to_us(filter.finished_before)}
    for n, (tag, value) in enumerate(sorted(filter.tags.items())):
        yield (
            f"EXISTS (SELECT 1 FROM json_each(tags) WHERE key = :tag{n} AND value = :value{n})",
            {f"tag{n}": tag, f"value{n}": value},
        )
