"""Which tasks of an entrypoint any worker finds, and what is refused of the others."""

from __future__ import annotations

import asyncio
import concurrent.futures
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from langgraph.errors import NodeTimeoutError
from langgraph.func import entrypoint, task
from langgraph.store.memory import InMemoryStore
from langgraph.types import CachePolicy, TimeoutPolicy
from shapes import module_tasks

import perdure
from perdure_langgraph import DurableGraphRunner, durable_graph
from perdure_langgraph.catalogue import catalogue_of
from perdure_langgraph.errors import DuplicateTaskError, StoreInWorkflowError, UnsupportedGraphError

if TYPE_CHECKING:
    from pathlib import Path

    from langgraph.pregel import Pregel
    from langgraph.store.base import BaseStore

    Graph = Pregel[Any, Any, Any, Any]


async def asked(graph: Graph, folder: Path, value: Any = "hello") -> Any:
    """Return what a runner of the graph answers."""
    app = perdure.App("tasks", backend=f"sqlite:///{folder}/tasks.db")
    runner = DurableGraphRunner(graph, app=app, name="it")
    async with app.run():
        return await runner.ainvoke(value)


def keys_of(graph: Graph) -> list[str]:
    """Return what the activities of an app find once the graph is registered."""
    app = perdure.App("tasks")
    durable_graph(graph, app=app, name="it")
    catalogue = catalogue_of(app)
    assert catalogue is not None
    return sorted(key.rpartition("/")[2].rpartition(".")[2] for key in catalogue.nodes)


@entrypoint()
def by_a_module(text: str) -> str:
    return module_tasks.shout(text).result()


@entrypoint()
def by_a_helper(text: str) -> str:
    return module_tasks.helper(text)


@pytest.mark.parametrize("graph", [by_a_module, by_a_helper], ids=["module", "helper"])
async def test_tasks_of_modules_are_found(graph: Graph, tmp_path: Path) -> None:
    assert await asked(graph, tmp_path) == "HELLO"


def test_tasks_are_known_before_the_entrypoint_runs() -> None:
    @task
    def one() -> None: ...

    @task
    def two() -> None: ...

    tools = {"two": two}

    @entrypoint()
    async def run(_: Any) -> None:
        await one()
        await tools["two"]()

    assert keys_of(run) == ["one", "two"]


async def test_a_task_that_only_the_name_leads_to_is_found_in_its_module(tmp_path: Path) -> None:
    name = "shout"

    @entrypoint()
    async def run(text: str) -> Any:
        return await vars(module_tasks)[name](text)

    assert keys_of(run) == []
    assert await asked(run, tmp_path) == "HELLO"


def test_another_worker_finds_a_task_by_its_module() -> None:
    app = perdure.App("tasks")
    durable_graph(by_a_module, app=app, name="it")
    catalogue = catalogue_of(app)
    assert catalogue is not None
    [key] = catalogue.nodes
    del catalogue.nodes[key]
    assert catalogue.find_node(key).key == key == "it/by_a_module/shapes.module_tasks:shout"


async def test_a_task_made_while_the_entrypoint_runs_is_refused(tmp_path: Path) -> None:
    @entrypoint()
    async def run(text: str) -> Any:
        @task
        def inner() -> str:
            return text

        return await inner()

    with pytest.raises(Exception, match=r"task 'inner' of entrypoint 'it/run' could not be found"):
        await asked(run, tmp_path)


def test_two_tasks_that_cannot_be_told_apart_are_refused() -> None:
    def made(number: int) -> Any:
        @task
        def give() -> int:
            return number

        return give

    one, two = made(1), made(2)

    @entrypoint()
    async def run(_: Any) -> Any:
        return await one() + await two()

    with pytest.raises(DuplicateTaskError, match="two tasks named 'give'"):
        durable_graph(run, app=perdure.App("tasks"), name="it")


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"cache_policy": CachePolicy()}, "cache_policy"),
        ({"timeout": TimeoutPolicy(idle_timeout=1)}, "idle_timeout"),
    ],
)
def test_what_a_body_in_a_workflow_cannot_have_is_refused(options: Any, what: str) -> None:
    async def run(_: Any) -> None: ...

    graph = entrypoint(**options)(run)
    with pytest.raises(UnsupportedGraphError, match=f"the {what} of an entrypoint"):
        durable_graph(graph, app=perdure.App("tasks"), name="it")


async def test_input_and_output_in_a_body_is_refused(tmp_path: Path) -> None:
    @entrypoint()
    def run(_: Any) -> str:
        return (tmp_path / "file").read_text(encoding="utf-8")

    with pytest.raises(perdure.WorkflowFailedError, match=r"opening a file .* is not possible"):
        await asked(run, tmp_path)


@pytest.mark.parametrize("wait", [concurrent.futures.wait, concurrent.futures.as_completed])
async def test_waiting_for_several_futures_at_once_is_refused(wait: Any, tmp_path: Path) -> None:
    @task
    def give(number: int) -> int:
        return number

    @entrypoint()
    def run(_: Any) -> Any:
        return list(wait([give(1), give(2)]))

    with pytest.raises(UnsupportedGraphError, match=r"call result\(\) of each future"):
        await asked(run, tmp_path)


async def test_the_store_is_for_tasks_and_refused_in_a_body(tmp_path: Path) -> None:
    kept = InMemoryStore()

    @task
    def keep(store: BaseStore) -> str:
        store.put(("n",), "k", {"value": 1})
        return "kept"

    @entrypoint(store=kept)
    async def run(_: Any, store: BaseStore) -> Any:
        done: Any = keep
        if await done() == "kept":
            await store.aget(("n",), "k")

    with pytest.raises(StoreInWorkflowError, match="uses the store in its body"):
        await asked(run, tmp_path)
    assert kept.get(("n",), "k") is not None


async def test_a_body_has_a_timeout_in_durable_time(tmp_path: Path) -> None:
    @task
    async def wait() -> None:
        await asyncio.Event().wait()

    @entrypoint(timeout=timedelta(seconds=0.2))
    async def run(_: Any) -> None:
        await wait()

    with pytest.raises(NodeTimeoutError, match=r"run timeout of 0\.200s"):
        await asked(run, tmp_path)
