"""The driver of workflows goes through orders that differ from one another."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import perdure
from tests.driving import in_orders

if TYPE_CHECKING:
    from pathlib import Path


async def test_orders_differ_from_one_another(tmp_path: Path) -> None:
    app = perdure.App("x")

    @app.activity
    async def give(number: int) -> int:
        return number

    @app.workflow
    async def race() -> list[int]:
        order: list[int] = []

        async def one(number: int) -> None:
            order.append(await give(number))

        await asyncio.gather(*(one(number) for number in range(4)))
        return order

    seen = set()
    async for order, driver, result in in_orders(app, "race", store=tmp_path):
        seen.add(result)
        assert driver.executed == {"give": 4}, order
    assert len(seen) > 15


async def test_where_there_is_but_one_order_it_is_driven_twice_with_a_store_and_without(
    tmp_path: Path,
) -> None:
    app = perdure.App("x")
    long = "x" * 2_000

    @app.activity
    async def give() -> str:
        return long

    @app.workflow
    async def ask() -> str:
        return await give()

    results = [result async for _, _, result in in_orders(app, "ask", store=tmp_path)]
    assert results == [f'"{long}"'] * 2
    assert _files(tmp_path)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
