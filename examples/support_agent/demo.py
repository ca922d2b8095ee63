"""The support agent, killed in the middle: ``python -m examples.support_agent.demo``."""

from __future__ import annotations

import sqlite3
import sys
from typing import TYPE_CHECKING, Final

from examples.shared.demo import run_demo
from examples.shared.scene import Act, Scene
from examples.support_agent import store
from examples.support_agent.model import TRANSCRIPT

if TYPE_CHECKING:
    from pathlib import Path


def _open(session: str) -> Act:
    # Agents find their model when they are imported.
    from perdure_agent_framework.sessions.ids import session_instance_id, turn_instance_id

    from examples.support_agent import durable
    from examples.support_agent.agent import QUESTION

    async def ask() -> str:
        response = await durable.runner.run(QUESTION, session_id=session, message_id="teapot")
        return response.text

    conversation = session_instance_id(durable.runner.name, session)
    return Act(app=durable.app, ask=ask, instance_id=turn_instance_id(conversation, "teapot"))


def _refunds(files: Path) -> list[str]:
    """Return what the shop's own file says."""
    shop = sqlite3.connect(files / "shop.db")
    try:
        rows = shop.execute(
            "SELECT order_id, euros, reason FROM refunds ORDER BY order_id"
        ).fetchall()
    finally:
        shop.close()
    made = [f"order {order}, {euros} euros: {reason}" for order, euros, reason in rows]
    return [f"the shop has {len(made)} refund{'' if len(made) == 1 else 's'}", *made]


SCENE: Final = Scene(
    name="support_agent",
    title="perdure: a support agent that survives kill -9",
    worker="examples.support_agent.durable",
    transcript=TRANSCRIPT,
    question="my teapot arrived broken; a refund needs approval",
    open=_open,
    variable=store.FOLDER,
    kill_after=2,
    needs_approval=True,
    outcome=_refunds,
)

if __name__ == "__main__":
    sys.exit(run_demo(SCENE))
