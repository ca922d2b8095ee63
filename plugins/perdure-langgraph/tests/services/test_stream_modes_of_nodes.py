"""What nodes stream in their activities comes as it does without durability."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import httpx
import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.config import get_stream_writer
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode
from pydantic import SecretStr
from services.running import run_once

from perdure.testing.scripted_model import MODEL, ScriptedModel, when

if TYPE_CHECKING:
    from pathlib import Path

    from langgraph.pregel import Pregel


class State(TypedDict, total=False):
    messages: Annotated[list[Any], add_messages]
    log: Annotated[list[str], operator.add]


def writing(name: str) -> Any:
    def work(state: State) -> State:
        writer = get_stream_writer()
        writer({name: 1})
        writer({name: 2})
        return {"log": [name]}

    return work


def with_sub_graph() -> Pregel[Any, Any, Any, Any]:
    inner = StateGraph(State)
    inner.add_node("deep", writing("deep"))
    inner.add_edge(START, "deep")
    compiled = inner.compile()

    async def calls(state: State) -> State:
        return await compiled.ainvoke({"log": []})  # type: ignore[return-value]

    outer = StateGraph(State)
    outer.add_node("first", writing("first"))
    outer.add_node("inner", compiled)
    outer.add_node("calls", calls)
    outer.add_edge(START, "first")
    outer.add_edge("first", "inner")
    outer.add_edge("inner", "calls")
    return outer.compile()


def without_ids(namespace: tuple[str, ...]) -> list[str]:
    return [part.partition(":")[0] for part in namespace]


async def heard(graph: Any, value: Any, modes: Any, **options: Any) -> list[Any]:
    """Return what the graph streams, without what differs from run to run."""
    found = []
    async for chunk in graph.astream(value, stream_mode=modes, **options):
        namespace, mode, payload = chunk if len(chunk) == 3 else ((), *chunk)
        if mode == "messages":
            message, metadata = payload
            payload = [
                message.type,
                message.content,
                [call["name"] for call in getattr(message, "tool_calls", [])],
                metadata["langgraph_node"],
            ]
        found.append([without_ids(namespace), mode, payload])
    return found


@pytest.mark.parametrize("subgraphs", [False, True])
async def test_custom_chunks_come_from_nodes_sub_graphs_and_graphs_called_in_nodes(
    subgraphs: bool, tmp_path: Path
) -> None:
    graph = with_sub_graph()
    options = {"modes": ["custom", "updates"], "subgraphs": subgraphs}
    plain = await heard(graph, {"log": []}, **options)

    async def body(durable: Any) -> Any:
        return await heard(durable, {"log": []}, **options)

    assert await run_once(graph, body, tmp_path) == plain
    assert [[], "custom", {"first": 1}] in plain


async def test_without_the_mode_nothing_is_kept_of_what_nodes_write(tmp_path: Path) -> None:
    graph = with_sub_graph()

    async def body(durable: Any) -> Any:
        return await heard(durable, {"log": []}, ["updates"])

    found = await run_once(graph, body, tmp_path)
    assert {mode for _, mode, _ in found} == {"updates"}


def talking(url: str, *, streaming: bool) -> Pregel[Any, Any, Any, Any]:
    @tool
    def look_up(order: str) -> str:
        """Look an order up."""
        return f"order {order}: 30 euros"

    async def ask(state: State) -> State:
        # By default all models share one pool of connections, which is of one event loop.
        async with httpx.AsyncClient() as http:
            model = ChatOpenAI(
                model=MODEL,
                base_url=url,
                api_key=SecretStr("none"),
                http_async_client=http,
                disable_streaming=not streaming,
            )
            return {"messages": [await model.bind_tools([look_up]).ainvoke(state["messages"])]}

    def remark(state: State) -> State:
        return {"messages": [AIMessage("that was all")]}

    def goes_on(state: State) -> str:
        return "tools" if state["messages"][-1].tool_calls else "remark"

    builder = StateGraph(State)
    builder.add_node("ask", ask)
    builder.add_node("tools", ToolNode([look_up]))
    builder.add_node("remark", remark)
    builder.add_edge(START, "ask")
    builder.add_conditional_edges("ask", goes_on, ["tools", "remark"])
    builder.add_edge("tools", "ask")
    return builder.compile()


@pytest.mark.parametrize("streaming", [False, True])
async def test_messages_come_token_by_token_from_the_activity_and_once(
    streaming: bool, tmp_path: Path
) -> None:
    rules = [
        when(user="order", tool_results=0).calls("look_up", order="17"),
        when(user="order", tool_results=1).says("It says: {result}"),
    ]
    value = {"messages": [HumanMessage("my order", id="q")]}

    async def body(graph: Any) -> Any:
        return await heard(graph, value, ["messages"])

    async with ScriptedModel(rules) as model:
        graph = talking(model.url, streaming=streaming)
        plain = await body(graph)
        durable = await run_once(graph, body, tmp_path)
    assert durable == plain
    kinds = [payload[0] for _, _, payload in durable]
    assert "tool" in kinds
    assert durable[-1][2][:2] == ["ai", "that was all"]
    if streaming:
        assert kinds.count("AIMessageChunk") > 3
    assert AIMessageChunk.__name__ in kinds or not streaming
