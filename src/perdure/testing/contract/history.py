"""History: a run's journal, complete, in order, and enough to run the code again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry
from perdure.spi import Capability, decode_journal, encode_journal
from perdure.testing.contract.contract import Contract

if TYPE_CHECKING:
    from perdure.testing.hub import BackendHub

registry = Registry()


@registry.activity(name="history_double")
async def double(number: int) -> int:
    """Return the double."""
    return number * 2


@registry.activity(name="history_fail")
async def fail() -> None:
    """Raise."""
    raise ValueError("no luck")


@registry.workflow(name="history_leaf")
async def leaf() -> str:
    """Return at once."""
    return "leaf"


@registry.workflow(name="history_everything")
async def everything() -> list[object]:
    """Do something of every kind."""
    doubled = await double(21)
    try:
        await fail()
    except perdure.ActivityError:
        await asyncio.sleep(0.001)
    perdure.set_custom_status("waiting")
    heard = await perdure.wait_for_event("word", str)
    return [doubled, heard, await leaf(), str(perdure.uuid4())]


@registry.workflow(name="history_runs")
async def runs(left: int, seen: list[str]) -> list[str]:
    """Begin again, so many times, and tell the runs."""
    seen = [*seen, perdure.current_workflow().run_id]
    await double(left)
    if left:
        perdure.continue_as_new(left - 1, seen)
    return seen


def _kinds(events: object) -> list[str]:
    assert isinstance(events, list | tuple)
    return [type(event).__name__ for event in events]


def _one_of_everything(hub: BackendHub) -> perdure.SyncHandle[list[object]]:
    handle = hub.start(everything)
    hub.let_pass(0.01)
    hub.until_shows(handle, "waiting")
    handle.raise_event("word", "hello")
    hub.result(handle)
    return handle


@pytest.mark.capability(Capability.HISTORY)
class History(Contract):
    """The journal as a backend gives it."""

    registry = registry

    def test_every_step_is_in_it_and_in_order(self, backend_hub: BackendHub) -> None:
        handle = _one_of_everything(backend_hub)
        assert _kinds(list(handle.history())) == [
            "WorkflowStarted",
            *("ActivityScheduled", "ActivityCompleted"),
            *("ActivityScheduled", "ActivityFailed"),
            *("TimerCreated", "TimerFired"),
            "EventReceived",
            *("ChildStarted", "ChildCompleted"),
            "Completed",
        ]

    def test_instants_never_go_back(self, backend_hub: BackendHub) -> None:
        instants = [event.at_us for event in _one_of_everything(backend_hub).history()]
        assert instants == sorted(instants)

    def test_the_code_can_be_run_over_it_again(self, backend_hub: BackendHub) -> None:
        backend_hub.replay(_one_of_everything(backend_hub))

    def test_it_survives_its_own_text_form(self, backend_hub: BackendHub) -> None:
        events = list(_one_of_everything(backend_hub).history())
        assert list(decode_journal(encode_journal(events))) == events

    def test_it_can_be_read_while_the_instance_runs(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(everything)
        backend_hub.let_pass(0.01)
        backend_hub.until_shows(handle, "waiting")
        assert _kinds(list(handle.history()))[-1] == "TimerFired"
        handle.terminate()
        backend_hub.end(handle)
        assert _kinds(list(handle.history()))[-1] == "Terminated"

    def test_there_is_none_of_an_instance_or_run_that_is_not_there(
        self, backend_hub: BackendHub
    ) -> None:
        handle = backend_hub.start(leaf)
        keeps_runs = Capability.HISTORY_ACROSS_RUNS in backend_hub.capabilities
        refusal = (
            perdure.InstanceNotFoundError if keeps_runs else perdure.CapabilityNotSupportedError
        )
        with pytest.raises(refusal):
            handle.history(run_id="nobody")
        with pytest.raises(perdure.InstanceNotFoundError):
            backend_hub.client.get(leaf, backend_hub.new_id()).history()


@pytest.mark.capability(Capability.HISTORY)
@pytest.mark.capability(Capability.HISTORY_ACROSS_RUNS)
class HistoryAcrossRuns(Contract):
    """The journals of runs that continue-as-new has ended."""

    registry = registry

    def test_the_history_of_a_run_outlives_it(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(runs, 2, [])
        *earlier, last = backend_hub.result(handle)
        assert list(handle.history(run_id=last)) == list(handle.history())
        for run_id in earlier:
            assert _kinds(list(handle.history(run_id=run_id))) == [
                "WorkflowStarted",
                *("ActivityScheduled", "ActivityCompleted"),
                "ContinuedAsNew",
            ]
