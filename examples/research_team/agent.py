"""A research team, in plain Microsoft Agent Framework: nothing here knows of perdure.

A lead has agents as its tools: researchers, of whom several work at once, and one who checks::

    python -m examples.research_team.agent
"""

from __future__ import annotations

import asyncio

from agent_framework import Agent

from examples.research_team.model import CHECKER, LEAD, RESEARCHER, chat_client
from examples.research_team.tools import (
    list_documents,
    read_section,
    search_documents,
    write_report,
)

QUESTION = "What do perdure's documents say that survives a crash? Write a report."

researcher = Agent(
    chat_client(),
    f"{RESEARCHER} Search the documents, read the sections that matter, and quote them.",
    name="researcher",
    description="Answers one question from the documents.",
    tools=[list_documents, search_documents, read_section],
)
checker = Agent(
    chat_client(),
    f"{CHECKER} Say whether a claim is in the documents, and where.",
    name="checker",
    description="Checks a claim.",
    tools=[search_documents, read_section],
)
agent = Agent(
    chat_client(),
    f"{LEAD} Give each question to a researcher, have the claims checked, write the report.",
    name="lead",
    tools=[researcher.as_tool(name="research"), checker.as_tool(name="check"), write_report],
)


async def main() -> None:
    """Ask it."""
    response = await agent.run(QUESTION)
    print(response.text)


if __name__ == "__main__":
    asyncio.run(main())
