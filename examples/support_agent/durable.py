"""The same agent, durable: a kill undoes nothing that it has done, and no approval that it awaits.

::

    python -m examples.support_agent.durable     # then, elsewhere: perdure approvals list

Killed and started again, it goes on where it was.
"""

from __future__ import annotations

import asyncio

from perdure_agent_framework import DurableAgentRunner

import perdure
from examples.support_agent.agent import QUESTION, agent

app = perdure.App("support-agent")
runner = DurableAgentRunner(agent, app=app)


async def main() -> None:
    """Ask it, and wait as long as the approval takes."""
    async with runner:
        print(
            "Asked. Answer what it asks for: perdure approvals list; perdure approvals approve ID"
        )
        response = await runner.run(QUESTION, session_id="ann", message_id="teapot")
        print(response.text)


if __name__ == "__main__":
    asyncio.run(main())
