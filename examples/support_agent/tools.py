"""What the support agent can do: look up orders, read the rules, and refund, which needs a yes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from agent_framework import tool

from examples.shared.journal import recorded
from examples.support_agent import store

RULES: Final = (
    "Broken goods: refund the full price, once. Anything else: refuse. Every refund needs approval."
)


@tool
def find_orders(email: str) -> list[dict[str, Any]]:
    """List a customer's orders."""
    with recorded("find_orders", email=email):
        return [asdict(order) for order in store.orders_of(email)]


@tool
def look_up_order(order_id: int) -> dict[str, Any] | str:
    """Return everything about one order."""
    with recorded("look_up_order", order_id=order_id):
        found = store.order(order_id)
        return asdict(found) if found else f"There is no order {order_id}."


@tool
def refund_rules() -> str:
    """Return the shop's rules for refunds."""
    with recorded("refund_rules"):
        return RULES


@tool(approval_mode="always_require")
def refund(order_id: int, euros: int, reason: str) -> str:
    """Pay money back for an order."""
    with recorded("refund", order_id=order_id, euros=euros):
        try:
            found = store.refund(order_id, euros=euros, reason=reason)
        except ValueError as err:
            return str(err)
        if found is None:
            return f"There is no order {order_id}."
        return f"Order {order_id}: {found.refunded} euros are refunded."
