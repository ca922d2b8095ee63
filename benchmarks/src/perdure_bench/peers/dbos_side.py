"""DBOS on a SQLite file, as its documentation has it: ``python -m`` this module, with a folder.

Workflows and steps are coroutine functions, as on the other sides. DBOS also takes plain functions,
which it runs in threads: in trials they were up to a quarter quicker in chains, and they have no
fan-out. All options have their defaults, but for the file's place and the level of its log.
"""

from __future__ import annotations

import asyncio
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy
from dbos import DBOS, SetWorkflowID

from perdure_bench.sides.serving import serve

if TYPE_CHECKING:
    from perdure_bench.sides.jobs import Shape

_SYNCHRONOUS = ("OFF", "NORMAL", "FULL", "EXTRA")


async def _echo(value: int) -> int:
    return value


echo: Any = DBOS.step(name="echo")(_echo)


async def _chain(size: int) -> int:
    value = 0
    for number in range(size):
        value = await echo(number)
    return value


async def _fan_out(size: int) -> int:
    return sum(await asyncio.gather(*(echo(number) for number in range(size))))


_WORKFLOWS: dict[str, Any] = {
    "chain": DBOS.workflow(name="chain")(_chain),
    "fan_out": DBOS.workflow(name="fan_out")(_fan_out),
}


class DbosSide:
    """DBOS between connect and disconnect.

    Args:
        folder: For its file.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "dbos.sqlite"
        self._handles: dict[str, Any] = {}
        self._pragmas: dict[str, str] = {}

    async def connect(self) -> None:
        """Launch it."""
        sqlalchemy.event.listen(sqlalchemy.pool.Pool, "checkin", self._look_at)
        url = f"sqlite:///{self._file}"
        DBOS(config={"name": "bench", "system_database_url": url, "log_level": "WARNING"})
        DBOS.launch()

    async def start(self, shape: Shape, size: float, instance_id: str) -> None:
        """Start an instance."""
        with SetWorkflowID(instance_id):
            self._handles[instance_id] = await DBOS.start_workflow_async(
                _WORKFLOWS[shape], int(size)
            )

    async def result(self, instance_id: str) -> float:
        """Wait for its result."""
        result: float = await self._handles.pop(instance_id).get_result()
        return result

    async def raise_event(self, instance_id: str) -> None:
        """Do nothing: no instance here waits for one."""

    async def settings(self, order: dict[str, Any]) -> dict[str, Any]:
        """Say which versions run, and how durable they are by what DBOS's own connection says."""
        pragmas = self._pragmas
        return {
            "versions": f"dbos {version('dbos')}, SQLite {pragmas['sqlite_version']}",
            "durability": f"SQLite, journal_mode={pragmas['journal_mode']}, "
            f"synchronous={_SYNCHRONOUS[int(pragmas['synchronous'])]}",
        }

    async def disconnect(self) -> None:
        """End it."""
        DBOS.destroy()

    def _look_at(self, connection: Any, record: Any) -> None:
        """Note the settings of the first connection that DBOS has set up and gives back."""
        if connection is None or self._pragmas:
            return
        self._pragmas = {
            name: str(connection.execute(words).fetchone()[0])
            for name, words in (
                ("journal_mode", "PRAGMA journal_mode"),
                ("synchronous", "PRAGMA synchronous"),
                ("sqlite_version", "SELECT sqlite_version()"),
            )
        }


if __name__ == "__main__":
    subject = DbosSide(Path(sys.argv[1]))
    serve(subject, more={"settings": subject.settings})
