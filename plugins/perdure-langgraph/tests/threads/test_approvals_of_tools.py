"""Tool calls of a LangChain agent that people approve by perdure's command line or client."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from graph_kit.models import chat_model
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.tools import tool
from threads.desk import on_manual_clock
from threads.test_approvals import waiting

from perdure.testing.scripted_model import ScriptedModel, when

if TYPE_CHECKING:
    from collections.abc import Iterator

RULES = (
    when(user="pay", tool_results=0).calls("pay", euros=20).calls("pay", euros=5_000),
    when(user="pay").says("{results}"),
)
paid: list[int] = []


@tool
def pay(euros: int) -> str:
    """Pay."""
    paid.append(euros)
    return f"paid {euros}"


@pytest.fixture(autouse=True)
def nothing_paid() -> Iterator[None]:
    yield
    paid.clear()


@pytest.mark.parametrize("mode", ["batched", "per_call"])
async def test_each_tool_call_is_an_approval_and_is_answered_as_the_middleware_wants(
    mode: Any,
) -> None:
    async with ScriptedModel(RULES) as model:
        middleware = HumanInTheLoopMiddleware({"pay": True}, interrupt_mode=mode)
        graph = create_agent(chat_model(model.url), [pay], middleware=[middleware])
        async with on_manual_clock(graph, approvals=True) as (runner, env):
            ask = {"messages": [{"role": "user", "content": "pay"}]}
            run = asyncio.create_task(runner.ainvoke(ask, thread_id="t"))
            small, large = await waiting(env.client, 2)
            assert (small.tool, small.arguments, large.arguments) == (
                *("pay", {"euros": 20}),
                {"euros": 5_000},
            )
            await env.client.approvals.approve(small.id, by="ann", arguments={"euros": 21})
            await env.client.approvals.deny(large.id, by="ann", note="too much")
            found = await run
    assert paid == [21]
    texts = [str(it.content) for it in found["messages"]]
    assert any("paid 21" in it for it in texts)
    assert any("too much" in it for it in texts)
