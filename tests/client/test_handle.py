"""Handles: every way an instance can end, and what can be done to it before and after."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure.spi.history import ActivityCompleted, ActivityScheduled, WorkflowStarted
from perdure.types import Status
from tests.client.workflows import (
    LIMIT,
    Order,
    RefusedError,
    approval,
    approve,
    clean_up_when_cancelled,
    echo_events,
    five,
    place,
    refuse,
    twice,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from perdure.app import App

SHORT = timedelta(milliseconds=100)


async def test_a_failure_is_data(app: App) -> None:
    async with app.run() as client:
        handle = await client.start(refuse, "no funds")

        with pytest.raises(perdure.WorkflowFailedError, match="no funds") as caught:
            await handle.result(timeout=LIMIT)
    assert caught.value.matches(RefusedError)
    assert caught.value.failure.message == "no funds"
    assert not isinstance(caught.value, perdure.WorkflowCancelledError)


async def test_an_end_by_force_has_a_reason(app: App) -> None:
    async with app.run() as client:
        handle = await client.start(approve)
        await handle.terminate(reason="enough")

        with pytest.raises(perdure.WorkflowTerminatedError, match="enough"):
            await handle.result(timeout=LIMIT)


async def test_a_cancelled_workflow_says_so(app: App) -> None:
    async with app.run() as client:
        handle = await client.start(approve)
        await handle.cancel()

        with pytest.raises(perdure.WorkflowCancelledError):
            await handle.result(timeout=LIMIT)


async def test_a_workflow_may_clean_up_when_cancelled(app: App) -> None:
    async with app.run() as client:
        handle = await client.start(clean_up_when_cancelled)
        await handle.cancel()

        assert await handle.result(timeout=LIMIT) == "cleaned up"


async def test_waiting_does_not_raise_for_a_failure(app: App) -> None:
    async with app.run() as client:
        handle = await client.start(refuse, "no")

        info = await handle.wait(timeout=LIMIT)

    assert info.status is Status.FAILED
    assert info.failure is not None
    assert info.finished_at is not None


async def test_a_stalled_instance_says_why(app: App) -> None:
    async with app.run() as client:
        handle = await client.start("calls_nobody")

        with pytest.raises(perdure.WorkflowStalledError, match="no-such-activity"):
            await handle.result(timeout=LIMIT)


async def test_a_typed_event_arrives(app: App) -> None:
    async with app.run() as client:
        handle = await client.start(approve)
        await handle.raise_event(approval, False)

        assert await handle.result(timeout=LIMIT) is False


async def test_an_event_of_the_wrong_type_is_refused_before_any_call(app: App) -> None:
    wrong: Any = "yes"
    async with app.run() as client:
        handle = await client.start(approve)

        with pytest.raises(perdure.PayloadError, match="event 'approval'"):
            await handle.raise_event(approval, wrong)


async def test_events_by_name_carry_every_value(app: App) -> None:
    values: list[Any] = [None, 0, False, "", [], {}, {"a": [1, None, "\0 å"]}]
    async with app.run() as client:
        handle = await client.start(echo_events, len(values))
        for value in values:
            await handle.raise_event("any", value)

        assert await handle.result(timeout=LIMIT) == values


@pytest.mark.parametrize("name", ["", "Upper", "two words", "x" * 65, "perdure.cancel"])
async def test_a_name_that_not_every_backend_takes_is_refused(app: App, name: str) -> None:
    async with app.client() as client:
        handle = client.get(None, "whoever")

        with pytest.raises(perdure.InvalidNameError):
            await handle.raise_event(name)


async def test_nothing_can_be_done_to_an_instance_that_is_not_there(app: App) -> None:
    async with app.client() as client:
        handle = client.get(None, "nobody")
        attempts: list[Callable[[], Awaitable[object]]] = [
            handle.info, handle.wait, handle.result, handle.cancel, handle.suspend, handle.resume,
            handle.terminate, handle.restart, handle.purge, handle.history,
        ]  # fmt: skip
        for attempt in attempts:
            with pytest.raises(perdure.InstanceNotFoundError, match="'nobody'"):
                await attempt()
        with pytest.raises(perdure.InstanceNotFoundError):
            await handle.raise_event("any")


async def test_a_finished_instance_takes_no_events(app: App) -> None:
    async with app.run() as client:
        handle = await client.start(five)
        await handle.wait(timeout=LIMIT)

        with pytest.raises(perdure.InstanceFinishedError, match=r"ended \(completed\)"):
            await handle.raise_event("any")
        with pytest.raises(perdure.InstanceFinishedError, match="cannot cancel"):
            await handle.cancel()


async def test_a_suspended_instance_waits_to_be_resumed(app: App) -> None:
    async with app.run() as client:
        handle = await client.start(approve)
        await handle.suspend(reason="audit")
        await handle.raise_event(approval, True)

        with pytest.raises(TimeoutError):
            await handle.wait(timeout=SHORT)
        assert (await handle.info()).status is Status.SUSPENDED
        await handle.resume()

        assert await handle.result(timeout=LIMIT) is True


async def test_a_restart_is_a_new_run_of_the_same_input(app: App) -> None:
    async with app.run() as client:
        handle = await client.start(twice, 21)
        first = await handle.wait(timeout=LIMIT)

        await handle.restart()

        assert await handle.result(timeout=LIMIT) == 42
        assert (await handle.info()).run_id != first.run_id


async def test_a_rerun_keeps_what_came_before_the_command(app: App) -> None:
    async with app.run() as client:
        handle = await client.start(twice, 21)
        await handle.wait(timeout=LIMIT)

        await handle.rerun(from_command=1)

        assert await handle.result(timeout=LIMIT) == 42
        with pytest.raises(ValueError, match="99"):
            await handle.rerun(from_command=99)


async def test_only_a_finished_instance_can_be_purged(app: App) -> None:
    async with app.run() as client:
        handle = await client.start(approve)
        with pytest.raises(perdure.InstanceActiveError):
            await handle.purge()
        await handle.terminate()
        await handle.purge()

        with pytest.raises(perdure.InstanceNotFoundError):
            await handle.info()


async def test_the_history_tells_what_happened(app: App) -> None:
    async with app.run() as client:
        handle = await client.start(twice, 4)
        await handle.wait(timeout=LIMIT)

        history = await handle.history()

    kinds = [type(event) for event in history]
    assert kinds[0] is WorkflowStarted
    assert kinds.index(ActivityScheduled) < kinds.index(ActivityCompleted)


async def test_a_handle_from_elsewhere_is_typed_by_the_workflow(app: App) -> None:
    async with app.run() as client:
        await client.start(place, Order(number=9), instance_id="order-9")

        typed = client.get(place, "order-9")
        plain = client.get(None, "order-9")

        assert await typed.result(timeout=LIMIT) == [Order(number=9)]
        assert await plain.result() == [{"number": 9, "note": None}]


async def test_a_late_result_says_where_the_instance_stands(app: App) -> None:
    async with app.run() as client:
        handle = await client.start(approve, instance_id="patient")

        with pytest.raises(TimeoutError, match=r"result .*'patient'.* within 0.1 s; .*running"):
            await handle.result(timeout=SHORT)


async def test_a_late_result_says_that_nobody_knows_the_workflow(app: App) -> None:
    async with app.run() as client:
        handle = await client.start("unheard-of", arguments={})

        with pytest.raises(TimeoutError, match="no running worker knows the workflow 'unheard-of'"):
            await handle.result(timeout=SHORT)


async def test_several_may_wait_for_one_result(app: App) -> None:
    async with app.run() as client:
        handle = await client.start(approve)
        waiting = [asyncio.ensure_future(handle.result(timeout=LIMIT)) for _ in range(5)]
        await asyncio.sleep(0)
        waiting[0].cancel()

        await handle.raise_event(approval, True)

        assert await asyncio.gather(*waiting[1:]) == [True] * 4
