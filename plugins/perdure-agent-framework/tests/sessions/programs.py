"""The support desk as processes have it: ``sessions.programs:app`` for workers, and a caller.

``python -m sessions.programs SESSION MESSAGE TEXT`` asks, and prints the response as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING

import perdure
from perdure.testing.record import note as record
from perdure_agent_framework import DurableAgentRunner
from sessions.desk import support_agent

if TYPE_CHECKING:
    from collections.abc import Mapping

MODEL_VARIABLE = "SESSIONS_MODEL_URL"
RECORD_VARIABLE = "SESSIONS_RECORD"
AGENT_VARIABLE = "SESSIONS_AGENT"
TURNS_PER_RUN = 3


def note(text: str) -> str:
    """Note a text."""
    record(os.environ[RECORD_VARIABLE], text)
    return f"noted {text}"


async def wait_for_ever() -> str:
    """Wait."""
    record(os.environ[RECORD_VARIABLE], "waiting")
    await asyncio.Event().wait()
    return "never"


def make_runner(
    environment: Mapping[str, str], *, backend: str | None = None
) -> tuple[perdure.App, DurableAgentRunner]:
    """Return the app, and the agent's runner."""
    url = environment.get(MODEL_VARIABLE, "http://127.0.0.1:9/v1")
    app = perdure.App("desk", backend=backend)
    name = environment.get(AGENT_VARIABLE, "support")
    agent = support_agent(url, tools=[note, wait_for_ever], name=name)
    return app, DurableAgentRunner(agent, app=app, turns_per_run=TURNS_PER_RUN)


app, _runner = make_runner(os.environ)


async def _ask(session_id: str, message_id: str, text: str) -> None:
    reply = await _runner.run(text, session_id=session_id, message_id=message_id)
    print(json.dumps({"text": reply.text, "id": reply.response_id}))  # noqa: T201 - its output


if __name__ == "__main__":
    asyncio.run(_ask(*sys.argv[1:]))
