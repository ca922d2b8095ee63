"""Cancellation and ``shield`` in a workflow."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from perdure.spi.history import CANCEL_EVENT, BufferedEvent
from tests.replay.stage import act, event

if TYPE_CHECKING:
    from tests.replay.conftest import Begin


def test_a_workflow_asked_to_cancel_fails_as_cancelled(begin: Begin) -> None:
    async def run() -> None:
        await act("a")

    failure = begin(run).cancel().failure

    assert failure.type == "asyncio.exceptions.CancelledError"


def test_a_workflow_asked_to_cancel_can_clean_up_first(begin: Begin) -> None:
    async def run() -> None:
        try:
            await act("a")
        finally:
            await act("undo")

    stage = begin(run).cancel()

    assert stage.new_commands == ["undo"]
    assert stage.complete("undo").failure.type == "asyncio.exceptions.CancelledError"


def test_a_workflow_can_refuse_to_be_cancelled(begin: Begin) -> None:
    async def run() -> Any:
        try:
            await act("a")
        except asyncio.CancelledError:
            return await act("b")

    assert begin(run).cancel().complete("b", "done").result == "done"


def test_a_second_request_to_cancel_interrupts_the_cleaning_up(begin: Begin) -> None:
    async def run() -> Any:
        try:
            await act("a")
        except asyncio.CancelledError:
            try:
                await act("undo")
            except asyncio.CancelledError:
                return "twice"

    assert begin(run).cancel().cancel().result == "twice"


def test_cancelling_a_task_raises_in_it_and_drops_what_it_waited_for(begin: Begin) -> None:
    async def run() -> Any:
        task = asyncio.create_task(act("a"))
        await act("go")
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError, match="enough"):
            await task
        return await act("b")

    stage = begin(run).complete("go").complete("a", "late").complete("b", 1)

    assert stage.result == 1


def test_a_task_cancelled_before_it_began_does_nothing(begin: Begin) -> None:
    async def run() -> Any:
        task = asyncio.create_task(act("a"))
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    stage = begin(run)

    assert stage.commands == ["Completed"]
    assert stage.result is True


def test_what_is_shielded_goes_on_when_its_wait_is_cancelled(begin: Begin) -> None:
    async def run() -> Any:
        inner = asyncio.create_task(act("a"))
        try:
            async with asyncio.timeout(5):
                await asyncio.shield(inner)
        except TimeoutError:
            return await inner

    assert begin(run).advance(5).complete("a", "late but here").result == "late but here"


def test_a_task_that_cancels_itself_is_cancelled_at_its_next_wait(begin: Begin) -> None:
    async def part() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await act("never")

    async def run() -> Any:
        results = await asyncio.gather(part(), return_exceptions=True)
        return type(results[0]).__name__

    stage = begin(run)

    # The command is issued where the task begins to wait, and given up at once.
    assert stage.commands == ["never", "Completed"]
    assert stage.result == "CancelledError"


def test_a_cancelled_subtask_nobody_caught_ends_the_workflow_as_cancelled(begin: Begin) -> None:
    async def run() -> None:
        task = asyncio.create_task(act("a"))
        await asyncio.sleep(0)
        task.cancel()
        await task

    assert begin(run).failure.type == "asyncio.exceptions.CancelledError"


def test_errors_in_a_group_are_told_apart_by_kind(begin: Begin) -> None:
    async def part(error: Exception) -> None:
        try:
            await act("wait")
        finally:
            raise error

    async def run() -> Any:
        seen: list[str] = []
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(part(ValueError("v")))
                group.create_task(part(KeyError("k")))
        except* ValueError:
            seen.append("value")
        except* KeyError:
            seen.append("key")
        return seen

    assert begin(run).complete("wait").result == ["value", "key"]


def test_a_request_to_cancel_that_a_run_carries_reaches_its_code_once(begin: Begin) -> None:
    async def run() -> Any:
        try:
            await event("go")
        except asyncio.CancelledError:
            return await act("undo")

    carried = (BufferedEvent(name=CANCEL_EVENT, payload="null"),)
    stage = begin(run, carried=carried)

    assert stage.commands == ["undo"]
    assert stage.complete("undo", 1).result == 1
