"""What a plugin may do in a run: arguments built lazily, state, functions for threads inline."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure.framework import (
    call_activity,
    in_workflow,
    repeatable,
    run_state,
    run_threads_inline,
)
from perdure.testing import run_in_memory

if TYPE_CHECKING:
    from pathlib import Path


def app_of(workflow: Any, *, database: Path | None = None) -> tuple[perdure.App, Any]:
    app = perdure.App("runs", backend=None if database is None else f"sqlite:///{database}")

    @app.activity(name="echo")
    async def echo(value: Any) -> Any:
        return value

    return app, app.workflow(name="body")(workflow)


async def test_arguments_are_not_built_again_on_a_replay(tmp_path: Path) -> None:
    built: list[str] = []

    def arguments(word: str) -> dict[str, Any]:
        built.append(word)
        return {"value": word}

    async def body() -> list[Any]:
        first = await call_activity("echo", lambda: arguments("one"))
        perdure.set_custom_status("asked")
        await perdure.wait_for_event("go-on")
        return [first, await call_activity("echo", lambda: arguments("two"))]

    app, workflow = app_of(body, database=tmp_path / "runs.db")
    async with app.run() as client:
        handle = await client.start(workflow, instance_id="r")
        while (await handle.info()).custom_status_json != '"asked"':
            await asyncio.sleep(0.01)
    app, workflow = app_of(body, database=tmp_path / "runs.db")
    async with app.run() as client:
        handle = client.get(workflow, "r")
        await handle.raise_event("go-on")
        assert await handle.result() == ["one", "two"]
    assert built == ["one", "two"]


async def test_state_of_a_run_is_one_for_the_run_and_another_for_the_next() -> None:
    class Seen:
        def __init__(self) -> None:
            self.count = 0

    async def body() -> list[int]:
        counts = []
        for _ in range(2):
            run_state(Seen).count += 1
            counts.append(run_state(Seen).count)
            await call_activity("echo", lambda: {"value": None})
        return counts

    app, workflow = app_of(body)
    async with run_in_memory(app) as env:
        first = await env.client.start(workflow)
        second = await env.client.start(workflow)
        assert await first.result() == [1, 2]
        assert await second.result() == [1, 2]


async def test_thread_functions_run_in_the_workflow_once_that_is_asked_for() -> None:
    async def body() -> bool:
        here = threading.get_ident()
        run_threads_inline()
        assert in_workflow()
        return await asyncio.to_thread(threading.get_ident) == here

    app, workflow = app_of(body)
    async with run_in_memory(app) as env:
        assert await (await env.client.start(workflow)).result()


async def test_what_a_thread_function_raises_is_its_callers() -> None:
    async def body() -> str:
        run_threads_inline()
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(divmod, 1, 0)
        return "caught"

    app, workflow = app_of(body)
    async with run_in_memory(app) as env:
        assert await (await env.client.start(workflow)).result() == "caught"


async def test_io_in_a_thread_function_is_refused_as_anywhere(tmp_path: Path) -> None:
    async def body() -> str:
        run_threads_inline()
        return str(await asyncio.to_thread((tmp_path / "file").open, "w"))

    app, workflow = app_of(body)
    async with run_in_memory(app) as env:
        with pytest.raises(perdure.WorkflowFailedError, match="opening a file"):
            await (await env.client.start(workflow)).result()
    assert not (tmp_path / "file").exists()


async def test_a_workflow_that_sets_the_event_loop_leaves_its_thread_as_it_was() -> None:
    async def body() -> str:
        asyncio.set_event_loop(asyncio.get_running_loop())
        # What get_event_loop() gives where no loop runs; asking for it would make one.
        of_thread = vars(asyncio.get_event_loop_policy())["_local"]
        return type(getattr(of_thread, "_loop", None)).__name__

    app, workflow = app_of(body)
    async with run_in_memory(app) as env:
        assert await (await env.client.start(workflow)).result() != "WorkflowLoop"


async def test_what_is_repeatable_draws_the_same_each_time_and_shifts_no_other_draws() -> None:
    async def body() -> list[Any]:
        began, draws = perdure.now(), perdure.random()
        ids = {perdure.uuid4()}
        await asyncio.sleep(60)
        before = draws.getstate()
        drawn = []
        for seed in ("one", "one", "two"):
            with repeatable(seed) as set_back_to:
                set_back_to(began)
                assert perdure.now() == began
                drawn.append([perdure.random().random(), str(perdure.uuid4())])
        assert perdure.random() is draws
        assert draws.getstate() == before
        ids.add(perdure.uuid4())
        assert len(ids) == 2
        return [*drawn, (perdure.now() - began).total_seconds()]

    app, workflow = app_of(body)
    async with run_in_memory(app) as env:
        handle = await env.client.start(workflow)
        await env.advance(minutes=1)
        one, again, two, passed = await handle.result()
    assert one == again != two
    assert passed == 60
