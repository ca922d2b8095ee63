"""``asyncio.gather`` in a workflow."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from perdure.errors import ActivityError
from tests.replay.stage import act

if TYPE_CHECKING:
    from tests.replay.conftest import Begin


def test_gather_runs_activities_side_by_side_and_keeps_their_order(begin: Begin) -> None:
    async def run() -> Any:
        return await asyncio.gather(act("a"), act("b"), act("c"))

    stage = begin(run)

    assert stage.commands == ["a", "b", "c"]
    stage.complete("c", 3).complete("a", 1).complete("b", 2)
    assert stage.result == [1, 2, 3]


def test_the_first_error_leaves_a_gather_and_the_others_go_on(begin: Begin) -> None:
    async def run() -> Any:
        slow = asyncio.create_task(act("slow"))
        try:
            await asyncio.gather(act("bad"), slow)
        except ActivityError as error:
            return [error.failure.message, await slow]

    stage = begin(run).fail("bad", ValueError("no"))

    assert stage.open == ["slow"]
    assert stage.complete("slow", "late").result == ["no", "late"]


def test_gather_returns_errors_among_results_when_asked(begin: Begin) -> None:
    async def run() -> Any:
        values = await asyncio.gather(act("bad"), act("good"), return_exceptions=True)
        return [type(values[0]).__name__, values[1]]

    stage = begin(run).fail("bad", ValueError("no")).complete("good", 1)

    assert stage.result == ["ActivityError", 1]


def test_gather_of_nothing_is_an_empty_list(begin: Begin) -> None:
    async def run() -> Any:
        return await asyncio.gather()

    assert begin(run).result == []


def test_gather_runs_what_it_is_given_twice_once(begin: Begin) -> None:
    async def run() -> Any:
        one = act("a")
        return await asyncio.gather(one, one)

    stage = begin(run)

    assert stage.commands == ["a"]
    assert stage.complete("a", 5).result == [5, 5]


def test_cancelling_a_gather_cancels_all_that_it_gathers(begin: Begin) -> None:
    ended: list[str] = []

    async def part(name: str) -> None:
        try:
            await act(name)
        except asyncio.CancelledError:
            ended.append(name)
            raise

    async def run() -> Any:
        both = asyncio.gather(part("a"), part("b"))
        await act("first")
        both.cancel()
        try:
            await both
        except asyncio.CancelledError:
            return "cancelled"

    assert begin(run, is_checked=False).complete("first").result == "cancelled"
    assert ended == ["a", "b"]


def test_a_cancelled_part_raises_its_message_out_of_the_gather(begin: Begin) -> None:
    async def run() -> Any:
        part = asyncio.create_task(act("a"))
        both = asyncio.gather(part, act("b"))
        await asyncio.sleep(0)
        part.cancel("not needed")
        try:
            await both
        except asyncio.CancelledError as error:
            return error.args

    assert begin(run).result == ["not needed"]


def test_gathering_what_has_ended_already_does_not_let_others_go_first(begin: Begin) -> None:
    # Before Python 3.12, asyncio resumed the waiting task a round later.
    async def other() -> None:
        for name in "xyz":
            await asyncio.sleep(0)
            asyncio.create_task(act(name))  # noqa: RUF006 - the loop holds it

    async def run() -> Any:
        done = asyncio.create_task(asyncio.sleep(0))
        await done
        asyncio.create_task(other())  # noqa: RUF006
        await asyncio.gather(done)
        await act("after")

    assert begin(run).commands[0] == "after"


def test_gathered_futures_stand_in_sets_in_the_order_they_were_made(begin: Begin) -> None:
    async def run() -> Any:
        pairs = [asyncio.gather(act(f"a{i}"), act(f"b{i}")) for i in range(40)]
        await act("go")
        done, _ = await asyncio.wait(pairs)
        for pair in done:
            await act(f"after {pair.result()[0]}")

    stage = begin(run).complete("go")
    for i in range(40):
        stage.complete(f"b{i}").complete(f"a{i}", i)
    for i in range(40):
        assert stage.new_commands == [f"after {i}"]
        stage.complete(f"after {i}")
