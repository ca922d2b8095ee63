"""The same team, durable: what each of its agents has done survives a kill.

::

    python -m examples.research_team.durable

Killed and started again, it goes on where it was.
"""

from __future__ import annotations

import asyncio

from perdure_agent_framework import DurableAgentRunner

import perdure
from examples.research_team.agent import QUESTION, agent

app = perdure.App("research-team")
runner = DurableAgentRunner(agent, app=app)


async def main() -> None:
    """Ask it; asked again, it gives the answer that it has."""
    async with runner:
        response = await runner.run(QUESTION, session_id="crashes", message_id="report")
        print(response.text)


if __name__ == "__main__":
    asyncio.run(main())
