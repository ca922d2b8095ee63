"""Cancellation and races: asking to end, and losing, do no harm."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry, Status
from perdure.testing.contract.contract import Contract
from perdure.testing.record import note

if TYPE_CHECKING:
    from perdure.testing.hub import BackendHub

registry = Registry()


@registry.activity(name="cancellation_note")
async def record_note(record: str, label: str) -> str:
    """Write down that it ran."""
    note(record, label)
    return label


@registry.activity(name="cancellation_linger")
async def linger(seconds: float) -> str:
    """Take a while."""
    await asyncio.sleep(seconds)
    return "late"


@registry.workflow(name="cancellation_tidy")
async def tidy(record: str) -> None:
    """Tidy up when asked to end."""
    perdure.set_custom_status("waiting")
    try:
        await perdure.wait_for_event("never")
    finally:
        await record_note(record, "tidied up")


@registry.workflow(name="cancellation_refuse")
async def refuse() -> str:
    """End in a way of its own when asked to."""
    perdure.set_custom_status("waiting")
    try:
        await perdure.wait_for_event("never")
    except asyncio.CancelledError:
        return "as you wish"
    return "never"


@registry.workflow(name="cancellation_leave")
async def leave(seconds: float) -> str:
    """End while an activity and a timer are under way."""
    tasks = [asyncio.create_task(linger(0.2)), asyncio.create_task(asyncio.sleep(seconds))]
    await asyncio.wait(tasks, timeout=0)
    return "left"


@registry.workflow(name="cancellation_race")
async def race(seconds: float) -> list[str]:
    """Let an event race a timer and an activity; go on when they are late."""
    loser = asyncio.create_task(linger(0.1))
    timer = asyncio.create_task(asyncio.sleep(seconds))
    winner = asyncio.create_task(perdure.wait_for_event("go", str))
    done, pending = await asyncio.wait([loser, timer, winner], return_when=asyncio.FIRST_COMPLETED)
    first = [task.result() or "timer" for task in done]
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    return [*first, await perdure.wait_for_event("again", str)]


class Cancellation(Contract):
    """``cancel``, and what happens to those who lose."""

    registry = registry

    def test_a_workflow_that_is_cancelled_may_tidy_up(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(tidy, str(backend_hub.record))
        backend_hub.until_shows(handle, "waiting")
        handle.cancel()
        with pytest.raises(perdure.WorkflowCancelledError):
            backend_hub.result(handle)
        assert handle.info().status is Status.FAILED
        assert backend_hub.record.labels() == ["tidied up"]

    def test_a_workflow_may_decline_to_be_cancelled(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(refuse)
        backend_hub.until_shows(handle, "waiting")
        handle.cancel()
        assert backend_hub.result(handle) == "as you wish"

    def test_a_finished_workflow_cannot_be_cancelled(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(leave, 0.0)
        backend_hub.result(handle)
        with pytest.raises(perdure.InstanceFinishedError, match="cancel"):
            handle.cancel()

    def test_a_workflow_may_end_while_its_activities_and_timers_run(
        self, backend_hub: BackendHub
    ) -> None:
        handle = backend_hub.start(leave, backend_hub.moment.total_seconds())
        assert backend_hub.result(handle) == "left"
        backend_hub.let_pass(2)
        assert handle.info().status is Status.COMPLETED
        assert backend_hub.result(handle) == "left"

    def test_those_who_lose_a_race_do_no_harm(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(race, backend_hub.moment.total_seconds())
        handle.raise_event("go", "event")
        backend_hub.let_pass(2)
        handle.raise_event("again", "again")
        first, again = backend_hub.result(handle)
        assert first in {"event", "late"}
        assert again == "again"
