"""``asyncio.TaskGroup`` and exception groups in a workflow."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from perdure.errors import ActivityError
from tests.replay.stage import act

if TYPE_CHECKING:
    from tests.replay.conftest import Begin


def test_a_group_ends_when_all_its_tasks_have_ended(begin: Begin) -> None:
    async def run() -> Any:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(act(name)) for name in "ab"]
            first = await act("body")
        return [first, *(task.result() for task in tasks)]

    stage = begin(run)

    assert stage.commands == ["body", "a", "b"]
    assert stage.complete("b", 2).complete("body", 0).complete("a", 1).result == [0, 1, 2]


def test_an_error_in_a_group_cancels_its_other_tasks(begin: Begin) -> None:
    async def run() -> Any:
        seen = 0
        try:
            async with asyncio.TaskGroup() as group:
                other = group.create_task(act("other"))
                group.create_task(act("bad"))
        except* ActivityError as errors:
            seen = len(errors.exceptions)
        return [other.cancelled(), seen]

    assert begin(run).fail("bad", ValueError("no")).result == [True, 1]


def test_tasks_of_an_aborted_group_are_cancelled_in_order_of_creation(begin: Begin) -> None:
    names = [f"n{i}" for i in range(30)]

    async def part(name: str) -> None:
        try:
            await act(name)
        finally:
            await act(f"undo {name}")

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(part(name))
            await act("bad")

    stage = begin(run).fail("bad", ValueError("no"))

    assert stage.new_commands == [f"undo {name}" for name in names]


def test_a_failed_group_fails_the_workflow_with_an_exception_group(begin: Begin) -> None:
    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(act("bad"))

    failure = begin(run).fail("bad", ValueError("no")).failure

    assert failure.type == "ExceptionGroup"
    assert "ActivityError" in failure.traceback


def test_a_cancellation_that_meets_an_error_in_a_group_is_raised_at_the_next_wait(
    begin: Begin,
) -> None:
    # As in Python 3.13; before, asyncio forgot it.
    async def part() -> None:
        try:
            await act("part")
        finally:
            raise ValueError("in the cleanup")

    async def run() -> Any:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(part())
        except* ValueError:
            pass
        try:
            await act("next")
        except asyncio.CancelledError:
            return "cancelled"

    stage = begin(run).cancel()

    assert stage.commands == ["part", "next", "Completed"]
    assert stage.result == "cancelled"


def test_an_expired_timeout_around_a_failed_group_leaves_no_cancellation_behind(
    begin: Begin,
) -> None:
    async def part() -> None:
        try:
            await act("part")
        finally:
            raise ValueError("in the cleanup")

    async def run() -> Any:
        try:
            async with asyncio.timeout(5), asyncio.TaskGroup() as group:
                group.create_task(part())
        except* ValueError:
            pass
        return await act("next")

    assert begin(run).advance(5).complete("next", 1).result == 1


def test_groups_and_timeouts_outside_workflows_are_asyncios_own() -> None:
    async def main() -> list[object]:
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            task = group.create_task(asyncio.sleep(0, 1))
        both = asyncio.gather(asyncio.sleep(0, 2), asyncio.sleep(0, 3))
        semaphore, condition = asyncio.Semaphore(1), asyncio.Condition()
        async with semaphore, condition:
            condition.notify()
        return [task.result(), await both, await asyncio.wait_for(asyncio.sleep(0, 4), 10)]

    assert asyncio.run(main()) == [1, [2, 3], 4]
