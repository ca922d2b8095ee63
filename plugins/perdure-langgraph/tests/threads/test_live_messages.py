"""Tokens of models in nodes, live from a thread, as without durability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import httpx
from langchain_core.messages import AIMessage, HumanMessage
from langchain_openai import ChatOpenAI
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from pydantic import SecretStr

import perdure
from perdure.streams import MemoryStreamHub
from perdure.testing.scripted_model import MODEL, ScriptedModel, when
from perdure_langgraph import DurableGraphRunner

if TYPE_CHECKING:
    from pathlib import Path

    from langgraph.pregel import Pregel


class State(TypedDict):
    messages: Annotated[list[Any], add_messages]


def talking(url: str) -> Pregel[Any, Any, Any, Any]:
    async def ask(state: State) -> Any:
        async with httpx.AsyncClient() as http:
            model = ChatOpenAI(
                model=MODEL, base_url=url, api_key=SecretStr("none"), http_async_client=http
            )
            return {"messages": [await model.ainvoke(state["messages"])]}

    builder = StateGraph(State)
    builder.add_node("ask", ask)
    builder.add_node("remark", lambda state: {"messages": [AIMessage("that was all")]})
    builder.add_edge(START, "ask")
    builder.add_edge("ask", "remark")
    return builder.compile()


def as_texts(chunks: list[Any]) -> list[str]:
    return [f"{metadata['langgraph_node']}: {message.content}" for message, metadata in chunks]


async def test_tokens_come_live_once_and_in_order(tmp_path: Path) -> None:
    rules = [when(user="long").says("one two three four five six seven")]
    asked = {"messages": [HumanMessage("long", id="q")]}
    async with ScriptedModel(rules) as model:
        graph = talking(model.url)
        plain = [chunk async for chunk in graph.astream(asked, stream_mode="messages")]
        app = perdure.App("live", backend=f"sqlite:///{tmp_path / 'live.db'}")
        runner = DurableGraphRunner(graph, app=app, name="g", stream_hub=MemoryStreamHub())
        ask: Any = {"thread_id": "t", "request_id": "r", "stream_mode": "messages"}
        async with app.run():
            chunks = [it async for it in runner.astream_chunks(asked, **ask)]
            again = [it async for it in runner.astream(asked, **ask)]
    assert as_texts([it.payload for it in chunks]) == as_texts(plain) == as_texts(again)
    assert [it.sequence for it in chunks] == list(range(len(plain)))
    tokens = [it for it in chunks if it.payload[1]["langgraph_node"] == "ask"]
    assert len(tokens) > 4
    assert all(it.is_live for it in tokens)
