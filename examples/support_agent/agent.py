"""A support agent, in plain Microsoft Agent Framework: nothing here knows of perdure.

::

    python -m examples.support_agent.agent
"""

from __future__ import annotations

import asyncio

from agent_framework import Agent, Content, Message

from examples.support_agent.model import chat_client
from examples.support_agent.tools import find_orders, look_up_order, refund, refund_rules

QUESTION = "My teapot arrived broken. I want my money back. (ann@example.com)"

agent = Agent(
    chat_client(),
    "You are the support of a shop. Look up the orders and the rules before you refund.",
    name="support",
    tools=[find_orders, look_up_order, refund_rules, refund],
)


async def main() -> None:
    """Ask it, with an approval on the terminal."""
    session = agent.create_session()
    response = await agent.run(QUESTION, session=session)
    while response.user_input_requests:
        answers = [
            request.to_function_approval_response(approved=_is_approved(request))
            for request in response.user_input_requests
        ]
        response = await agent.run(Message("user", answers), session=session)
    print(response.text)


def _is_approved(request: Content) -> bool:
    call = request.function_call
    assert call is not None
    return input(f"{call.name} {call.arguments}: approve? [y/n] ") == "y"


if __name__ == "__main__":
    asyncio.run(main())
