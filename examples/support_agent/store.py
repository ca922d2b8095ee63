"""The shop's store: customers, orders and refunds in one SQLite file.

What is written is on the disk before a call returns, so a kill takes nothing back. An order is
refunded once: whoever asks again learns what was done the first time.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER: Final = "SUPPORT_AGENT_FOLDER"
"""Where the file is kept; by default in .perdure/support_agent/files, from where one stands."""

_SCHEMA: Final = """\
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY, email TEXT NOT NULL, item TEXT NOT NULL, euros INTEGER NOT NULL,
    state TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS refunds (
    order_id INTEGER PRIMARY KEY REFERENCES orders (id), euros INTEGER NOT NULL,
    reason TEXT NOT NULL
);
"""
_ORDERS: Final = (
    (1041, "ann@example.com", "a kettle", 35, "delivered"),
    (1042, "ann@example.com", "a teapot", 48, "delivered, reported broken"),
    (1043, "bob@example.com", "six cups", 30, "on its way"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order. ``refunded`` is in euros."""

    id: int
    email: str
    item: str
    euros: int
    state: str
    refunded: int


def orders_of(email: str) -> list[Order]:
    """Return a customer's orders, oldest first."""
    with _opened() as store:
        rows = store.execute(_SELECT + " WHERE email = :email ORDER BY id", {"email": email})
        return [Order(**row) for row in rows]


def order(order_id: int) -> Order | None:
    """Return an order, if there is one of that number."""
    with _opened() as store:
        row = store.execute(_SELECT + " WHERE id = :id", {"id": order_id}).fetchone()
        return None if row is None else Order(**row)


def refund(order_id: int, *, euros: int, reason: str) -> Order | None:
    """Refund an order, unless it was refunded before; return how it stands then.

    Raises:
        ValueError: It is more than was paid, or nothing.
    """
    found = order(order_id)
    if found is None:
        return None
    if not 0 < euros <= found.euros:
        raise ValueError(f"order {order_id} cost {found.euros} euros; {euros} cannot be refunded")
    with _opened() as store:
        store.execute(
            "INSERT INTO refunds VALUES (:id, :euros, :reason) ON CONFLICT DO NOTHING",
            {"id": order_id, "euros": euros, "reason": reason},
        )
    return order(order_id)


_SELECT: Final = """\
SELECT id, email, item, orders.euros, state, COALESCE(refunds.euros, 0) AS refunded
FROM orders LEFT JOIN refunds ON refunds.order_id = orders.id"""


@contextlib.contextmanager
def _opened() -> Iterator[sqlite3.Connection]:
    folder = Path(os.environ.get(FOLDER) or ".perdure/support_agent/files")
    folder.mkdir(parents=True, exist_ok=True)
    store = sqlite3.connect(folder / "shop.db", timeout=10)
    store.row_factory = sqlite3.Row
    try:
        store.execute("PRAGMA synchronous = FULL")
        with store:
            store.executescript(_SCHEMA)
            store.executemany(
                "INSERT INTO orders VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", _ORDERS
            )
        with store:
            yield store
    finally:
        store.close()
