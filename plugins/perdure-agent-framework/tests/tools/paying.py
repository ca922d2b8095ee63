"""An app whose worker is killed in the middle of a tool call, the first time it makes it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from agent_framework import Agent

import perdure
from agent_kit.real_clients import completions_client
from agent_kit.recording import Recording
from perdure.testing.record import Record, note
from perdure_agent_framework.policies import Policies, ToolPolicy
from perdure_agent_framework.registration import register

RECORD = os.environ["PAYING_RECORD"]


def look(order: str) -> str:
    """Look an order up."""
    note(RECORD, f"look {order}")
    return "10 euros"


async def pay(order: str) -> str:
    """Pay for an order."""
    note(RECORD, f"pay {order}")
    if Record(Path(RECORD)).count(f"pay {order}") == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return f"paid for {order}"


def declared() -> ToolPolicy:
    delivery: Any = os.environ["PAYING_DELIVERY"]
    told: Any = os.environ["PAYING_TOLD"]
    return ToolPolicy(delivery=delivery, on_outcome_unknown=told)


app = perdure.App("paying")
agent = Agent(
    completions_client(os.environ["PAYING_MODEL"], Recording()), name="payer", tools=[look, pay]
)
register(app, agent, policies=Policies(tools={"pay": declared()}))


@app.workflow
async def ask(question: str) -> str:
    return (await agent.run(question)).text
