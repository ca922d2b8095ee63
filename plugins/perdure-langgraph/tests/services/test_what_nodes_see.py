"""What nodes see in their activities: context, store, cache, config, callbacks."""

from __future__ import annotations

import base64
import json
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langgraph.cache.memory import InMemoryCache
from langgraph.config import get_config, get_store
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime  # noqa: TC002 - LangGraph reads annotations
from langgraph.store.memory import InMemoryStore
from langgraph.types import CachePolicy
from pydantic import BaseModel, SecretStr
from services.running import bench, run_once

import perdure
from perdure.spi.history import ActivityScheduled
from perdure_langgraph.errors import CallbacksInWorkflowError, UnserializableStateError

if TYPE_CHECKING:
    from pathlib import Path

    from langchain_core.runnables import RunnableConfig
    from langgraph.pregel import Pregel


class State(TypedDict, total=False):
    number: int
    log: Annotated[list[str], operator.add]


@dataclass
class Tenant:
    name: str


class Customer(BaseModel):
    name: str


def one_node(
    function: Any, *, context_schema: Any = None, node: Any = None, **options: Any
) -> Pregel[Any, Any, Any, Any]:
    builder = StateGraph(State, context_schema)
    builder.add_node("work", function, **(node or {}))
    builder.add_edge(START, "work")
    return builder.compile(**options)


async def _ask(graph: Any, number: int = 1, **options: Any) -> Any:
    return await graph.ainvoke({"number": number, "log": []}, **options)


@pytest.mark.parametrize("context", [Tenant(name="acme"), Customer(name="acme")])
async def test_the_context_of_a_run_comes_as_the_class_that_it_is(
    context: Any, tmp_path: Path
) -> None:
    seen: list[Any] = []

    def work(state: State, runtime: Runtime[Any]) -> State:
        seen.append(runtime.context)
        return {"log": [runtime.context.name]}

    graph = one_node(work, context_schema=type(context))

    async def body(durable: Any) -> Any:
        return [
            await _ask(durable, context=context),
            await _ask(durable, context={"name": "made of a mapping"}),
        ]

    first, second = await run_once(graph, body, tmp_path)
    assert (first["log"], second["log"]) == (["acme"], ["made of a mapping"])
    assert [type(it) for it in seen] == [type(context)] * 2


async def test_the_store_of_the_graph_reaches_nodes_and_those_of_sub_graphs(
    tmp_path: Path,
) -> None:
    store = InMemoryStore()

    def work(state: State) -> State:
        held = get_store()
        held.put(("orders",), str(len(held.search(("orders",)))), {"number": state["number"]})
        return {"log": ["kept"]}

    inner = one_node(work)
    builder = StateGraph(State)
    builder.add_node("outer", work)
    builder.add_node("inner", inner)
    builder.add_edge(START, "outer")
    builder.add_edge("outer", "inner")
    assert (await run_once(builder.compile(store=store), _ask, tmp_path))["log"].count("kept") >= 2
    assert [item.value for item in store.search(("orders",))] == [{"number": 1}] * 2


async def test_a_cached_node_does_not_run_again_for_the_same_input(tmp_path: Path) -> None:
    runs: list[int] = []

    def work(state: State) -> State:
        runs.append(state["number"])
        return {"log": [f"ran with {state['number']}"]}

    graph = one_node(work, node={"cache_policy": CachePolicy()}, cache=InMemoryCache())

    async def body(durable: Any) -> Any:
        return [(await _ask(durable, number))["log"] for number in (1, 2, 1)]

    async with bench(graph, body, tmp_path) as opened:
        assert await opened.run() == [["ran with 1"], ["ran with 2"], ["ran with 1"]]
        assert runs == [1, 2]
        # It is the activity that looks it up, so the history is the same.
        assert opened.activities() == ["graph.node"] * 3


async def test_the_key_of_the_cache_is_that_of_the_policy(tmp_path: Path) -> None:
    runs: list[int] = []

    def work(state: State) -> State:
        runs.append(state["number"])
        return {"log": ["ran"]}

    policy: CachePolicy[Any] = CachePolicy(key_func=lambda state: str(state["number"] % 2))
    graph = one_node(work, node={"cache_policy": policy}, cache=InMemoryCache())

    async def body(durable: Any) -> Any:
        for number in (1, 3, 2):
            await _ask(durable, number)

    await run_once(graph, body, tmp_path)
    assert runs == [1, 2]


async def test_what_failed_is_not_cached(tmp_path: Path) -> None:
    runs: list[int] = []

    def work(state: State) -> State:
        runs.append(1)
        if len(runs) == 1:
            raise RuntimeError("not yet")
        return {"log": ["ran"]}

    graph = one_node(work, node={"cache_policy": CachePolicy()}, cache=InMemoryCache())

    async def body(durable: Any) -> Any:
        with pytest.raises(RuntimeError, match="not yet"):
            await _ask(durable)
        return await _ask(durable)

    assert (await run_once(graph, body, tmp_path))["log"] == ["ran"]


async def test_tags_metadata_and_configurable_values_are_those_of_the_run(tmp_path: Path) -> None:
    def work(state: State, config: RunnableConfig) -> State:
        assert config["configurable"]["customer"] == get_config()["configurable"]["customer"]
        metadata = config["metadata"]
        return {
            "log": [
                config["configurable"]["customer"],
                *sorted(tag for tag in config["tags"] or () if not tag.startswith("graph:")),
                metadata["team"],
                metadata["langgraph_node"],
            ]
        }

    graph = one_node(work).with_config(tags=["of the graph"])

    async def body(durable: Any) -> Any:
        config = {
            "configurable": {"customer": "acme"},
            "tags": ["of the run"],
            "metadata": {"team": "b"},
        }
        return await _ask(durable, config=config)

    found = await run_once(graph, body, tmp_path)
    assert found["log"] == ["acme", "of the graph", "of the run", "b", "work"]


async def test_a_configurable_value_that_cannot_be_stored_is_named(tmp_path: Path) -> None:
    graph = one_node(lambda state: {"log": ["ran"]})

    async def body(durable: Any) -> Any:
        with pytest.raises(UnserializableStateError, match=r"'client' in configurable \(object\)"):
            await _ask(durable, config={"configurable": {"client": object()}})

    await run_once(graph, body, tmp_path)


async def test_a_secret_of_perdures_comes_to_nodes_and_is_nowhere_in_the_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = base64.b64encode(b"k" * 32).decode()
    monkeypatch.setenv("PERDURE_PAYLOAD_KEYS", f"one:{key}")

    def work(state: State, config: RunnableConfig) -> State:
        secret = config["configurable"]["token"]
        return {"log": [f"{len(secret.reveal())} characters"]}

    async def body(durable: Any) -> Any:
        config = {"configurable": {"token": perdure.Secret("hunter2-hunter2")}}
        return await _ask(durable, config=config)

    async with bench(one_node(work), body, tmp_path) as opened:
        assert (await opened.run())["log"] == ["15 characters"]
        (request,) = [it for it in opened.histories[0] if isinstance(it, ActivityScheduled)]
        configurable = json.loads(request.arguments)["request"]["configurable"]
        assert "token" in str(base64.b64decode(configurable.partition(":")[2]))
        assert "hunter2" not in str(base64.b64decode(configurable.partition(":")[2]))


async def test_a_secret_that_would_be_readable_in_the_history_is_refused(tmp_path: Path) -> None:
    graph = one_node(lambda state: {"log": ["ran"]})

    async def body(durable: Any) -> Any:
        with pytest.raises(UnserializableStateError, match=r"'token' in configurable .*Secret\("):
            await _ask(durable, config={"configurable": {"token": SecretStr("hunter2")}})

    await run_once(graph, body, tmp_path)


class _Heard(BaseCallbackHandler):
    def __init__(self) -> None:
        self.models: list[str] = []

    def on_chat_model_start(self, serialized: Any, messages: Any, **options: Any) -> None:
        open("/dev/null").close()  # as one that writes a log, which a workflow may not
        self.models.append(messages[0][0].content)


async def test_callbacks_of_the_graph_hear_the_models_of_its_nodes_once(tmp_path: Path) -> None:
    heard = _Heard()
    model = FakeListChatModel(responses=["hello"])

    def work(state: State) -> State:
        return {"log": [str(model.invoke("hi").content)]}

    graph = one_node(work).with_config(callbacks=[heard])
    assert (await run_once(graph, _ask, tmp_path))["log"] == ["hello"]
    assert heard.models == ["hi"]


async def test_callbacks_given_in_a_workflow_are_refused(tmp_path: Path) -> None:
    graph = one_node(lambda state: {"log": ["ran"]})

    async def body(durable: Any) -> Any:
        with pytest.raises(CallbacksInWorkflowError, match="_Heard"):
            await _ask(durable, config={"callbacks": [_Heard()]})

    await run_once(graph, body, tmp_path)


async def test_tracing_that_the_environment_asks_for_is_not_done_in_the_workflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGSMITH_ENDPOINT", "http://127.0.0.1:9")
    from langsmith import utils

    settings: Any = utils.get_env_var  # it reads each variable once
    settings.cache_clear()
    try:
        found = await run_once(one_node(lambda state: {"log": ["ran"]}), _ask, tmp_path)
        assert found["log"] == ["ran"]
    finally:
        monkeypatch.undo()
        settings.cache_clear()
