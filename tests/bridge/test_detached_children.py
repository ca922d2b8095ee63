"""Children that the vendor does not know: started, heard and ended by errands and events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from perdure.spi.bridge import (
    ANSWER_PARENT,
    END_CHILDREN,
    START_CHILD,
    decode_start,
    encode_child_answer,
)
from perdure.spi.history import ChildCompleted, ChildFailed, ChildStarted
from perdure.types import Failure, ParentLink
from tests.bridge.dark_programs import app
from tests.bridge.host import Host
from tests.bridge.programs import OTHER_SDK, WatchedBridge
from tests.bridge.vendor_history import projected, recorded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perdure.spi.bridge import ChildRequest


@pytest.fixture
def bridge() -> Iterator[WatchedBridge]:
    """A bridge to an SDK that some children must be kept from."""
    bridge = WatchedBridge(app, sdk=OTHER_SDK)
    yield bridge
    bridge.close()


def errand(host: Host, name: str) -> int:
    """Return the number of the one errand of a kind that is to be run."""
    (id,) = [id for id, call in host.activities.items() if call.name == name]
    return id


def started(host: Host) -> ChildRequest:
    """Run the errand that starts a child and return what it has started."""
    host.answer(errand(host, START_CHILD)).execute()
    (child,) = host.neighbours.children.values()
    return child


def tell(host: Host, parent: ParentLink, **answer: Any) -> Host:
    """Tell a parent how its child has ended."""
    payload = encode_child_answer(parent, **answer)
    return host.raise_event_text("perdure.child-answer", payload).execute()


def child_host(bridge: WatchedBridge, child: ChildRequest) -> Host:
    """Start the child."""
    host = Host(bridge, instance_id=child.instance_id)
    return host.start_with(child.workflow, json.dumps(child.start))


def test_a_child_whose_id_was_chosen_is_started_by_an_errand(host: Host) -> None:
    host.start("minding", child_id="bobby")
    assert not host.children
    child = started(host)
    assert (child.instance_id, child.workflow) == ("bobby", "approvals")
    assert child.parent == ParentLink(instance_id="trip-1", run_id="run-1", command_id=1)
    start = decode_start(child.start)
    assert start is not None
    assert (start.is_detached, start.run_id, start.on_parent_end) == (
        True,
        child.run_id,
        "terminate",
    )


def test_a_child_that_outlives_its_parent_is_started_by_an_errand(host: Host) -> None:
    host.start("leaving", policy="abandon", waits=True)
    assert started(host).on_parent_end == "abandon"


def test_other_children_are_left_to_the_vendor(host: Host) -> None:
    host.start("parent", value=1)
    assert len(host.children) == 1
    assert not host.activities


def test_an_sdk_that_knows_all_children_gets_all_of_them() -> None:
    bridge = WatchedBridge(app)
    host = Host(bridge).start("minding", child_id="bobby")
    assert len(host.children) == 1
    bridge.close()


@pytest.mark.parametrize("result", ["[1]", "[]", "[ null ]", "[1e3]"])
def test_its_result_reaches_the_parent_by_an_event(host: Host, result: str) -> None:
    host.start("minding", child_id="bobby")
    child = started(host)
    assert tell(host, child.parent, result=result).result() == "completed"
    assert recorded(host)[2] == ChildCompleted(at_us=host.now_us, id=1, result=result)
    assert projected(host) == recorded(host)


def test_its_failure_reaches_the_parent_in_full(bridge: WatchedBridge, host: Host) -> None:
    host.start("minding", child_id="bobby")
    cause = Failure(type="KeyError", message="x", traceback="…")
    failure = Failure(type="m.NoError", message="no", bases=("Exception",), cause=cause)
    tell(host, started(host).parent, failure=failure)
    assert host.status == "failed"
    assert recorded(host)[2] == ChildFailed(at_us=host.now_us, id=1, failure=failure)
    assert projected(host) == recorded(host)


def test_a_child_whose_id_is_taken_is_a_failure(host: Host) -> None:
    host.neighbours.taken.add("bobby")
    host.start("minding", child_id="bobby")
    host.answer(errand(host, START_CHILD)).execute()
    failed = recorded(host)[2]
    assert isinstance(failed, ChildFailed)
    assert failed.failure.type == "perdure.errors.InstanceAlreadyExistsError"
    assert projected(host) == recorded(host)


def test_an_answer_may_come_before_the_word_that_the_child_was_started(host: Host) -> None:
    host.start("minding", child_id="bobby")
    parent = ParentLink(instance_id="trip-1", run_id="run-1", command_id=1)
    assert tell(host, parent, result="[1]").result() == "completed"


def test_an_answer_that_comes_twice_is_taken_once(host: Host) -> None:
    host.start("family", rounds=2)
    for id in sorted(host.activities):
        host.answer(id)
    host.execute()
    parent = host.neighbours.children["chosen-0"].parent
    tell(host, parent, result="[1]")
    tell(host, parent, result="[2]")
    assert [e.result for e in recorded(host) if isinstance(e, ChildCompleted)] == ["[1]"]
    assert projected(host) == recorded(host)


def test_an_answer_to_a_run_that_is_over_is_dropped(host: Host) -> None:
    host.start("minding", child_id="bobby")
    parent = ParentLink(instance_id="trip-1", run_id="the-run-before", command_id=1)
    assert tell(host, parent, result="[1]").status == "running"
    assert projected(host) == recorded(host)


def test_a_damaged_answer_is_dropped(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    host.start("minding", child_id="bobby")
    host.raise_event_text("perdure.child-answer", '{"of":1}').execute()
    assert host.status == "running"
    assert "answer of a child" in caplog.text


def test_a_late_answer_of_a_run_before_starts_no_child(host: Host) -> None:
    host.start("minding", child_id="bobby")
    id = errand(host, START_CHILD)
    late = {"perdure": 1, "of": "the-run-before:1", "result": "true"}
    host.answered(id, late).execute()
    assert errand(host, START_CHILD) != id
    child = started(host)
    assert tell(host, child.parent, result="[1]").result() == "completed"
    assert projected(host) == recorded(host)


def test_a_detached_child_tells_its_parent_before_it_ends(
    bridge: WatchedBridge, host: Host
) -> None:
    host.start("minding", child_id="bobby")
    child = child_host(bridge, started(host))
    child.raise_event("never", 5).execute()
    assert child.status == "running"
    child.answer(errand(child, ANSWER_PARENT)).execute()
    assert child.result() == [5]
    ((parent_id, payload),) = child.neighbours.answers
    assert parent_id == "trip-1"
    host.raise_event_text("perdure.child-answer", payload).execute()
    assert host.result() == "completed"
    assert isinstance(recorded(host)[2], ChildCompleted)


def test_a_detached_child_that_fails_tells_so(bridge: WatchedBridge, host: Host) -> None:
    host.start("minding", child_id="bobby")
    child = child_host(bridge, started(host))
    child.raise_event("perdure.cancel", None).execute()
    child.answer(errand(child, ANSWER_PARENT)).execute()
    assert child.status == "failed"
    assert projected(child) == recorded(child)
    ((_, payload),) = child.neighbours.answers
    host.raise_event_text("perdure.child-answer", payload).execute()
    failed = recorded(host)[2]
    assert isinstance(failed, ChildFailed)
    assert failed.failure.type == "asyncio.exceptions.CancelledError"


def test_a_child_of_each_kind_is_ended_with_its_parent_unless_it_outlives_it(host: Host) -> None:
    host.start("leaving_by_name", child_id="bobby")
    started(host)
    host.answer(min(host.activities)).execute()
    host.answer(errand(host, END_CHILDREN)).execute()
    assert host.neighbours.ended == ["bobby"]
    assert host.result() == "gone"


def test_a_child_started_at_the_very_end_is_started_before_it(host: Host) -> None:
    host.start("leaving", policy="abandon", waits=False)
    assert host.status == "running"
    started(host)
    host.fire(min(host.timers)).execute()
    assert host.result() == "gone"
    assert isinstance(recorded(host)[1], ChildStarted)
    assert projected(host) == recorded(host)
