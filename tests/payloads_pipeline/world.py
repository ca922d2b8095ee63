"""An app with payloads of every size, on a file, a payload store, and ways to look into both."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import perdure
from perdure.payloads.encryption import Key

if TYPE_CHECKING:
    from pathlib import Path

KEYS = (Key(id="new", secret=b"n" * 32), Key(id="old", secret=b"o" * 32))
SECONDS = timedelta(seconds=20)

registry = perdure.Registry()


@registry.activity
async def double(text: str) -> str:
    return text * 2


@registry.activity
def sized(size: int) -> str:
    return "y" * size


@registry.activity
async def give(value: Any) -> Any:
    return value


@registry.workflow
async def twice(text: str) -> str:
    return await double(text)


@registry.workflow
async def same(value: Any) -> Any:
    return await give(value)


@registry.workflow
async def first_event(count: int) -> list[Any]:
    return [await perdure.wait_for_event("go") for _ in range(count)]


@registry.workflow
async def parent(size: int) -> str:
    return await twice("p" * size)


@registry.workflow
async def abandoning(size: int) -> str:
    child = await_child(size)
    return await child.result()


def await_child(size: int) -> perdure.ChildHandle[str]:
    return perdure.start_child(
        twice.bind("a" * size), instance_id="abandoned", on_parent_end="abandon"
    )


@registry.workflow
async def rounds(left: int, text: str) -> str:
    if left:
        perdure.continue_as_new(left - 1, text + "r")
    return text


@registry.workflow
async def many(count: int, size: int) -> int:
    return sum([len(await sized(size)) for _ in range(count)])


@registry.workflow
async def wait_after(size: int) -> int:
    text = await sized(size)
    await perdure.wait_for_event("go")
    return len(text)


@dataclass
class World:
    """A folder with a file of the engine's and a store."""

    folder: Path
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def app(self, **options: Any) -> perdure.App:
        settings = {"store": f"file://{self.store}", **self.options, **options}
        app = perdure.App(
            "payloads",
            backend=f"sqlite:///{self.folder}/perdure.db",
            payloads=perdure.Payloads(**settings),
        )
        app.include(registry)
        return app

    def objects(self) -> list[Path]:
        return sorted(path for path in self.store.rglob("*") if path.is_file())

    def owners(self) -> set[str]:
        return {path.parent.name for path in self.objects()}

    def raw(self) -> str:
        """Return all that the engine has stored."""
        file = sqlite3.connect(self.folder / "perdure.db")
        try:
            tables = ("instances", "journal", "inbox")
            return "\n".join(
                repr(row) for table in tables for row in file.execute(f"SELECT * FROM {table}")
            )
        finally:
            file.close()


async def until_stalled(handle: perdure.WorkflowHandle[Any]) -> perdure.InstanceInfo:
    """Return what is known of an instance once it has stalled."""
    async with asyncio.timeout(15):
        while (info := await handle.info()).status is not perdure.Status.STALLED:
            await asyncio.sleep(0.02)
        return info
