"""The history of a thread's states: read, changed, and forked from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langgraph.types import Command
from threads.desk import Counted, asking, in_a_row, on_disk, said

if TYPE_CHECKING:
    from pathlib import Path

    from langgraph.types import StateSnapshot

    from perdure_langgraph import DurableGraphRunner

Made = tuple[Any, Counted, Counted]


@pytest.fixture
def made() -> Made:
    first, last = Counted("first"), Counted("last")
    return in_a_row(first=first, ask=asking("?"), last=last), first, last


async def states(runner: DurableGraphRunner, **options: Any) -> list[StateSnapshot]:
    return [it async for it in runner.aget_state_history(thread_id="t", **options)]


async def test_the_states_of_all_runs_are_there_the_newest_first(
    made: Made, tmp_path: Path
) -> None:
    async with on_disk(made[0], tmp_path) as runner:
        await runner.ainvoke(said("in"), thread_id="t")
        await runner.ainvoke(Command(resume="yes"), thread_id="t")
    async with on_disk(made[0], tmp_path) as runner:
        found = await states(runner)
        assert [it.next for it in found] == [(), ("last",), ("ask",), ("first",), ("__start__",)]
        assert found[0].values["log"] == ["in", "first saw 1", "yes", "last saw 3"]
        assert [len(it.values.get("log", [])) for it in found] == [4, 3, 2, 1, 0]
        assert found[1].config == found[0].parent_config
        assert [it.next for it in await states(runner, limit=2)] == [(), ("last",)]
        one = await runner.aget_state(found[2].config)
        assert (one.next, one.values) == (("ask",), found[2].values)


async def test_a_thread_is_forked_from_a_state_before_and_the_old_branch_stays(
    made: Made, tmp_path: Path
) -> None:
    graph, first, last = made
    async with on_disk(graph, tmp_path) as runner:
        await runner.ainvoke(said("in"), thread_id="t")
        await runner.ainvoke(Command(resume="yes"), thread_id="t")
        before_ask = next(it for it in await states(runner) if it.next == ("ask",))
        asked = await runner.ainvoke(None, before_ask.config)
        assert [it.value for it in asked["__interrupt__"]] == ["?"]
        found = await runner.ainvoke(Command(resume="no"), thread_id="t")
        assert found["log"] == ["in", "first saw 1", "no", "last saw 3"]
        answers = [it.values["log"][2] for it in await states(runner) if not it.next]
        assert answers == ["no", "yes"]
    assert first.runs == ["in"]
    assert last.runs == ["yes", "no"]


async def test_a_change_of_the_state_is_there_for_the_next_run(made: Made, tmp_path: Path) -> None:
    async with on_disk(made[0], tmp_path) as runner:
        await runner.ainvoke(said("in"), thread_id="t")
        config = await runner.aupdate_state(None, said("by hand"), as_node="ask", thread_id="t")
        state = await runner.aget_state(config)
        assert (state.next, state.metadata and state.metadata["source"]) == (("last",), "update")
    async with on_disk(made[0], tmp_path) as runner:
        found = await runner.ainvoke(None, thread_id="t")
        assert found["log"] == ["in", "first saw 1", "by hand", "last saw 3"]


async def test_a_change_of_a_state_before_forks_the_thread(made: Made, tmp_path: Path) -> None:
    async with on_disk(made[0], tmp_path) as runner:
        await runner.ainvoke(said("in"), thread_id="t")
        await runner.ainvoke(Command(resume="yes"), thread_id="t")
        before_last = next(it for it in await states(runner) if it.next == ("last",))
        forked = await runner.aupdate_state(before_last.config, said("also"), as_node="ask")
        found = await runner.ainvoke(None, forked)
        assert found["log"] == ["in", "first saw 1", "yes", "also", "last saw 4"]


async def test_new_runs_of_a_thread_keep_as_many_states_as_they_are_told(tmp_path: Path) -> None:
    options = {"requests_per_run": 2, "keep_checkpoints": 4}
    async with on_disk(in_a_row(work=Counted()), tmp_path, **options) as runner:
        for number in range(6):
            found = await runner.ainvoke(said(number), thread_id="t")
        assert len(found["log"]) == 12
        kept = await states(runner)
        assert 4 <= len(kept) <= 4 + 3 * 2
        assert kept[0].values == found
