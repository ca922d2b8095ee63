"""Claim processing, killed in the middle: ``python -m examples.claim_processing.demo``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from examples.claim_processing import payments
from examples.shared.demo import run_demo
from examples.shared.scene import Act, Scene

if TYPE_CHECKING:
    from pathlib import Path

_REQUEST = "received"


def _open(thread: str) -> Act:
    from perdure_langgraph.nodes.call import NODE_ACTIVITY
    from perdure_langgraph.threads.requests import reply_instance_id, thread_instance_id

    from examples.claim_processing import durable
    from examples.claim_processing.graph import CLAIM

    async def ask() -> str:
        found = await durable.runner.ainvoke(
            {"claim": CLAIM}, thread_id=thread, request_id=_REQUEST
        )
        return str(found["outcome"])

    instance_id = reply_instance_id(thread_instance_id(durable.runner.name, thread), _REQUEST)
    nodes = frozenset({NODE_ACTIVITY})
    return Act(
        app=durable.app,
        ask=ask,
        instance_id=instance_id,
        model_calls=frozenset(),
        tool_calls=nodes,
    )


def _payments(files: Path) -> list[str]:
    """Return what the files of payments say."""
    return [f"{it.name}: {it.read_text().strip()} euros" for it in sorted(files.glob("paid-*"))]


SCENE: Final = Scene(
    name="claim_processing",
    title="perdure: a LangGraph graph that survives kill -9",
    worker="examples.claim_processing.durable",
    transcript=None,
    question="claim 17: a stolen bicycle; what is more than 200 euros is reviewed by a human",
    open=_open,
    variable=payments.FOLDER,
    kill_after=2,
    needs_approval=True,
    outcome=_payments,
)

if __name__ == "__main__":
    sys.exit(run_demo(SCENE))
