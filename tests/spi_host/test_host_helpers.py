"""What the seam offers hosts, so that none writes it again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import perdure_toy
import pytest

from perdure import spi

NOW = 1_000_000
REQUEST = spi.StartRequest(workflow="w", instance_id="i", arguments="{}")
FAILURE = spi.Failure(type="ValueError", message="no")


def _run(run_id: str = "r") -> spi.WorkflowStarted:
    return spi.first_run(REQUEST, run_id=run_id, at_us=NOW)


def _record(*journal: spi.HistoryEvent) -> spi.RunRecord:
    return spi.RunRecord(inbox=[_run()], journal=list(journal))


def _child(policy: Any = "terminate") -> spi.ChildStarted:
    return spi.ChildStarted(
        at_us=NOW, id=1, workflow="c", instance_id="c", arguments="{}", on_parent_end=policy
    )


ENDED = _record(spi.Completed(at_us=NOW, result="0")).info
ACTIVE = _record().info


@pytest.mark.parametrize(
    "option",
    [
        {"start_at": datetime(2030, 1, 1, tzinfo=UTC)},
        {"execution_timeout": timedelta(seconds=1)},
        {"tags": {"a": "b"}},
    ],
)
def test_a_start_that_asks_for_more_than_is_declared_is_refused(option: dict[str, Any]) -> None:
    request = spi.StartRequest(workflow="w", instance_id="i", arguments="{}", **option)
    with pytest.raises(spi.CapabilityNotSupportedError) as caught:
        spi.check_declared(perdure_toy.ToyBackend("toy"), request)
    assert caught.value.capability == next(iter(option))
    spi.check_declared(perdure_toy.ToyBackend("toy"), REQUEST)


def test_if_exists_decides_whether_a_start_begins_an_instance() -> None:
    def must_start(if_exists: Any, info: spi.InstanceInfo | None) -> bool:
        request = spi.StartRequest(
            workflow="w", instance_id="i", arguments="{}", if_exists=if_exists
        )
        return spi.must_start(request, info)

    assert must_start("raise", None)
    assert must_start("replace_finished", ENDED)
    assert not must_start("attach", ACTIVE)
    for refused in (("raise", ENDED), ("replace_finished", ACTIVE)):
        with pytest.raises(spi.InstanceAlreadyExistsError):
            must_start(*refused)


def test_what_an_action_needs_of_an_instance_is_checked() -> None:
    spi.check_active(ACTIVE, action="do it to")
    spi.check_finished(ENDED, action="do it to")
    with pytest.raises(spi.InstanceFinishedError):
        spi.check_active(ENDED, action="do it to")
    with pytest.raises(spi.InstanceActiveError):
        spi.check_finished(ACTIVE, action="do it to")


@pytest.mark.parametrize(
    ("entries", "status"),
    [
        ([], "pending"),
        ([_run()], "running"),
        ([_run(), spi.Suspended(at_us=NOW)], "suspended"),
        ([_run(), spi.Suspended(at_us=NOW), spi.Resumed(at_us=NOW)], "running"),
        ([spi.Completed(at_us=NOW, result="0")], "completed"),
        ([spi.Failed(at_us=NOW, failure=FAILURE)], "failed"),
        ([spi.Terminated(at_us=NOW, reason="why")], "terminated"),
        ([spi.ContinuedAsNew(at_us=NOW, arguments="{}")], "running"),
    ],
)
def test_the_journal_says_where_an_instance_stands(
    entries: list[spi.HistoryEvent], status: str
) -> None:
    record = _record(*entries)
    assert record.info.status == status
    assert (record.info.finished_at is not None) == record.info.status.is_terminal
    record.update({"stalled": "no code"})
    assert record.info.status == (status if record.end else "stalled")


def test_a_falsy_result_of_an_activity_is_told_exactly() -> None:
    activity = spi.ActivityScheduled(at_us=NOW, id=1, name="a", arguments="{}")
    for result in ("null", '""', "0", "false"):
        ended = spi.activity_ended(activity, spi.ActivityOutcome(result=result), at_us=NOW)
        assert ended == spi.ActivityCompleted(at_us=NOW, id=1, result=result)
    failed = spi.activity_ended(activity, spi.ActivityOutcome(failure=FAILURE), at_us=NOW)
    assert failed == spi.ActivityFailed(at_us=NOW, id=1, failure=FAILURE)


def test_a_parent_is_told_that_its_child_was_terminated_or_refused() -> None:
    told = spi.child_ended(1, spi.Terminated(at_us=NOW, reason="enough"))
    assert isinstance(told, spi.ChildFailed)
    assert told.failure.type == "perdure.errors.WorkflowTerminatedError"
    assert told.failure.message == "enough"
    refused = spi.child_refused(_child())
    assert refused.failure.type == "perdure.errors.InstanceAlreadyExistsError"


def test_the_next_run_has_the_events_that_were_not_taken_and_nothing_else() -> None:
    event = spi.EventReceived(at_us=NOW, name="e", payload="0")
    record = _record()
    record.inbox += [event, spi.ActivityCompleted(at_us=NOW, id=1, result="0"), event]
    record.taken = 2
    end = spi.ContinuedAsNew(at_us=NOW + 1, arguments="[1]")
    first, *rest = record.following(end, run_id="next")["inbox"]
    assert (first.run_id, first.arguments, first.patches) == ("next", "[1]", None)
    assert rest == [event]
    assert record.following(end, run_id="next")["created_us"] == NOW


@pytest.mark.parametrize(("policy", "is_tied"), [("terminate", True), ("abandon", False)])
def test_a_child_is_tied_to_the_run_that_started_it(policy: Any, is_tied: bool) -> None:
    started = _child(policy)
    child = spi.RunRecord(inbox=[spi.child_run(_run(), started, run_id="c")])
    assert _record(started).is_tied(child) == is_tied
    stranger = spi.RunRecord(inbox=[spi.child_run(_run("other"), started, run_id="c")])
    assert not _record(started).is_tied(stranger)


def test_a_drain_ends_loops_at_once_and_lets_the_rest_end() -> None:
    ended: list[str] = []

    async def work(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        ended.append(name)

    async def drain() -> None:
        tasks = spi.WorkerTasks()
        await tasks.drain(timedelta())
        tasks.start_loop(work("loop", 5))
        tasks.start(work("short", 0.01))
        tasks.start(work("long", 5))
        await tasks.drain(timedelta(seconds=0.2))
        await tasks.drain(timedelta())
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(drain())
    assert ended == ["short"]
