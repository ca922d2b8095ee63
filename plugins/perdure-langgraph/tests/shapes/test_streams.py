"""What a graph streams, in every mode, is what plain LangGraph streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from graph_kit.nodes import EMPTY, trails
from graph_kit.shapes import Log, Shape
from graph_kit.ways import golden
from langchain_core.language_models import FakeListChatModel
from langgraph.config import get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph

if TYPE_CHECKING:
    from pathlib import Path

    from langchain_core.runnables import RunnableConfig
    from langgraph.types import StreamWriter


def telling(log: Log) -> Any:
    def tell(state: Any, writer: StreamWriter) -> dict[str, Any]:
        log.note("tell")
        for number in range(3):
            writer({"progress": number})
        return {"trail": ["tell"]}

    async def tell_too(state: Any) -> dict[str, Any]:
        log.note("tell too")
        get_stream_writer()("a text")
        return {"trail": ["tell too"]}

    graph = trails(log, "a", tell=tell, tell_too=tell_too)
    graph.add_edge(START, "a")
    graph.add_edge("a", "tell")
    graph.add_edge("tell", "tell_too")
    return graph.compile()


@pytest.mark.parametrize("mode", ["values", "updates", "custom", "tasks", "checkpoints", "debug"])
async def test_each_stream_mode(mode: str, tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        return Shape(graph=telling(log), turns=[EMPTY], modes=(mode,))

    played = await golden(build, tmp_path)
    assert list(played.turns[0]["chunks"]) == [f" {mode}"]


async def test_custom_chunks_of_a_subgraph(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "a", inner=telling(log))
        graph.add_edge(START, "inner")
        return Shape(graph=graph.compile(), turns=[EMPTY], modes=("custom", "updates"))

    played = await golden(build, tmp_path)
    assert "inner custom" in played.turns[0]["chunks"]


@pytest.mark.parametrize("calls", ["invoke", "ainvoke", "astream"])
async def test_messages_token_by_token(calls: str, tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        model = FakeListChatModel(responses=["two words"])

        def speak(state: MessagesState) -> dict[str, Any]:
            log.note("speak")
            return {"messages": [model.invoke(state["messages"])]}

        async def speak_async(state: MessagesState, config: RunnableConfig) -> dict[str, Any]:
            log.note("speak")
            if calls == "ainvoke":
                return {"messages": [await model.ainvoke(state["messages"], config)]}
            text = ""
            async for chunk in model.astream(state["messages"]):
                text += str(chunk.content)
            return {"messages": [("ai", text)]}

        graph = StateGraph(MessagesState)
        graph.add_node("speak", speak if calls == "invoke" else speak_async)
        graph.add_edge(START, "speak")
        turns: list[Any] = [{"messages": [("user", "hi")]}]
        return Shape(graph=graph.compile(), turns=turns, modes=("messages", "updates"))

    played = await golden(build, tmp_path)
    assert len(played.turns[0]["chunks"][" messages"][0]) >= len("two words")


async def test_messages_that_nodes_give_without_a_model(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        def speak(state: MessagesState) -> dict[str, Any]:
            log.note("speak")
            return {"messages": [("ai", "from a node")]}

        graph = StateGraph(MessagesState)
        graph.add_node("speak", speak)
        graph.add_edge(START, "speak")
        turns: list[Any] = [{"messages": [("user", "hi")]}]
        return Shape(graph=graph.compile(), turns=turns, modes=("messages", "values"))

    await golden(build, tmp_path)


async def test_a_graph_with_a_config_of_its_own(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        def look(state: Any, config: RunnableConfig) -> dict[str, Any]:
            log.note(f"{config['configurable']['user']} {sorted(config['tags'])}")
            return {"trail": [str(config["metadata"]["of"]), str(config["recursion_limit"])]}

        graph = trails(log, "", look=look)
        graph.add_edge(START, "look")
        compiled = graph.compile().with_config(
            tags=["own"], metadata={"of": "mine"}, recursion_limit=7, configurable={"user": "Ada"}
        )
        return Shape(graph=compiled, turns=[EMPTY], config={"tags": ["given"]})

    played = await golden(build, tmp_path)
    assert played.ran == {"Ada ['given', 'own']": 1}
    assert played.last["trail"] == ["mine", "7"]
