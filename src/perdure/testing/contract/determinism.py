"""Determinism: code that is run again asks for the same; code that does not fit does no harm."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry, Status
from perdure.testing.contract.contract import Contract
from perdure.testing.record import note

if TYPE_CHECKING:
    from perdure.testing.hub import BackendHub

shared = Registry()
registry = Registry()
changed = Registry()
patched = Registry()
for each in (registry, changed, patched):
    each.include(shared)


@shared.activity(name="determinism_note")
async def record_note(record: str, label: str) -> str:
    """Write down that it ran."""
    note(record, label)
    return label


@registry.workflow(name="determinism_draw")
async def draw(record: str) -> list[str]:
    """Draw an id, a number and an instant, and use them before and after a wait."""
    drawn = f"{perdure.uuid4()} {perdure.random().random()} {perdure.now().isoformat()}"
    await record_note(record, drawn)
    perdure.set_custom_status("waiting")
    await perdure.wait_for_event("go")
    return [drawn, await record_note(record, drawn)]


@registry.workflow(name="determinism_race")
async def race(record: str) -> list[str]:
    """Let many tasks end in an order that only the journal knows."""
    ended = []
    tasks = {asyncio.create_task(record_note(record, str(number))) for number in range(10)}
    for task in asyncio.as_completed(tasks):
        ended.append(await task)  # noqa: PERF401 - the order is what matters
    perdure.set_custom_status("waiting")
    await perdure.wait_for_event("go")
    return ended


@registry.workflow(name="determinism_tidy")
async def tidy(record: str) -> str:
    """Tidy up at the end, which is not the end of the process."""
    perdure.set_custom_status("waiting")
    try:
        return await perdure.wait_for_event("go", str)
    finally:
        await record_note(record, "tidied up")


@registry.workflow(name="determinism_change")
async def change(record: str) -> str:
    """Run one activity, wait, run another."""
    await record_note(record, "old")
    perdure.set_custom_status("waiting")
    await perdure.wait_for_event("go")
    return await record_note(record, await perdure.wait_for_event("last", str))


@changed.workflow(name="determinism_change")
async def change_without_need(record: str) -> str:
    """Sleep where the history has an activity."""
    await asyncio.sleep(1)
    perdure.set_custom_status("waiting")
    await perdure.wait_for_event("go")
    return await record_note(record, "end")


@patched.workflow(name="determinism_change", patches=("shorter",))
async def change_with_a_patch(record: str) -> str:
    """Leave the first activity out, in new runs."""
    if not perdure.patched("shorter"):
        await record_note(record, "old")
    perdure.set_custom_status("waiting")
    await perdure.wait_for_event("go")
    return await record_note(record, await perdure.wait_for_event("last", str))


@registry.workflow(name="determinism_forbidden")
async def forbidden(what: str) -> None:
    """Do what cannot be run again."""
    if what == "sleep":
        time.sleep(0.001)  # noqa: ASYNC251 - that is the point
    elif what == "file":
        Path(__file__).read_text(encoding="utf-8")  # noqa: ASYNC240 - that is the point
    else:
        await asyncio.to_thread(print)


class Determinism(Contract):
    """Replay, and what it refuses."""

    registry = registry

    def test_what_was_drawn_before_a_restart_is_drawn_again(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(draw, str(backend_hub.record))
        backend_hub.until_shows(handle, "waiting")
        backend_hub.run_worker()
        handle.raise_event("go")
        drawn, echoed = backend_hub.result(handle)
        assert backend_hub.record.labels() == [drawn, drawn]
        assert drawn == echoed

    def test_two_instances_draw_differently(self, backend_hub: BackendHub) -> None:
        handles = [backend_hub.start(draw, str(backend_hub.record)) for _ in range(2)]
        for handle in handles:
            handle.raise_event("go")
        first, second = (backend_hub.result(handle)[0] for handle in handles)
        assert first.split()[:2] != second.split()[:2]

    def test_the_order_of_completions_is_the_same_after_a_restart(
        self, backend_hub: BackendHub
    ) -> None:
        handle = backend_hub.start(race, str(backend_hub.record))
        backend_hub.until_shows(handle, "waiting")
        backend_hub.run_worker()
        handle.raise_event("go")
        assert sorted(backend_hub.result(handle)) == [str(number) for number in range(10)]
        assert sorted(backend_hub.record.labels()) == [str(number) for number in range(10)]

    def test_code_that_is_put_away_does_nothing_in_its_finally_blocks(
        self, backend_hub: BackendHub
    ) -> None:
        handle = backend_hub.start(tidy, str(backend_hub.record))
        backend_hub.until_shows(handle, "waiting")
        backend_hub.run_worker()
        backend_hub.settle()
        assert backend_hub.record.labels() == []
        handle.raise_event("go", "on")
        assert backend_hub.result(handle) == "on"
        assert backend_hub.record.labels() == ["tidied up"]

    def test_code_that_does_not_fit_stalls_the_instance_until_code_comes_that_does(
        self, backend_hub: BackendHub
    ) -> None:
        handle = backend_hub.start(change, str(backend_hub.record))
        backend_hub.until_shows(handle, "waiting")
        backend_hub.run_worker(changed)
        handle.raise_event("go")
        with pytest.raises(perdure.WorkflowStalledError, match="determinism_note"):
            backend_hub.result(handle)
        assert handle.info().status is Status.STALLED
        handle.raise_event("last", "end")
        backend_hub.run_worker(registry)
        backend_hub.until(
            lambda: handle.info().status is not Status.STALLED, "it was never tried again"
        )
        assert backend_hub.result(handle) == "end"
        assert backend_hub.record.labels() == ["old", "end"]

    def test_a_patch_is_pinned_when_a_run_begins(self, backend_hub: BackendHub) -> None:
        old = backend_hub.start(change, str(backend_hub.record))
        backend_hub.until_shows(old, "waiting")
        backend_hub.run_worker(patched)
        old.raise_event("go")
        old.raise_event("last", "end")
        assert backend_hub.result(old) == "end"
        assert backend_hub.record.labels() == ["old", "end"]
        new = backend_hub.start(change, str(backend_hub.record))
        new.raise_event("go")
        new.raise_event("last", "end")
        assert backend_hub.result(new) == "end"
        assert backend_hub.record.labels() == ["old", "end", "end"]

    @pytest.mark.parametrize("what", ["sleep", "file", "thread"])
    def test_a_workflow_that_touches_the_world_fails_and_says_so(
        self, backend_hub: BackendHub, what: str
    ) -> None:
        handle = backend_hub.start(forbidden, what)
        with pytest.raises(perdure.WorkflowFailedError) as caught:
            backend_hub.result(handle)
        assert caught.value.matches(perdure.ForbiddenInWorkflowError)
