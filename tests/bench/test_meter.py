"""The meter: what journals come to in actions, and what must hold for any of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perdure_bench.billing.actions import KINDS, TIMERS_SCHEDULED, Actions, total
from perdure_bench.billing.journals import read_journal
from perdure_bench.billing.meter import count_actions

from perdure.cli.happenings import event_record
from perdure.errors import PayloadError
from perdure.spi.history import (
    ActivityCompleted,
    ActivityScheduled,
    ChildCompleted,
    ChildStarted,
    Completed,
    ContinuedAsNew,
    EventReceived,
    HistoryEvent,
    Resumed,
    Suspended,
    Terminated,
    TimerCreated,
    TimerFired,
    WorkflowStarted,
)
from perdure.spi.journal import encode_journal
from perdure.spi.runs import child_digest
from perdure.types import OnParentEnd, ParentLink
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

RUN = "run-1"
SECOND = 1_000_000
OWN_ID = f"parent-{child_digest(RUN, 1)}"


def started(**given: Any) -> WorkflowStarted:
    """Return how a run of perdure begins."""
    whole = {"instance_id": "parent", "workflow": "w", "arguments": "{}", "seed": RUN}
    return WorkflowStarted(**{"at_us": 0, "run_id": RUN, "perdure": "0.1.0", **whole, **given})


def activity(id: int, *, at_us: int = 0) -> list[HistoryEvent]:
    """Return an activity that is asked for, and its result."""
    return [
        ActivityScheduled(at_us=at_us, id=id, name="act", arguments="{}"),
        ActivityCompleted(at_us=at_us, id=id, result="1"),
    ]


def timer(id: int, *, at_us: int, fire_at_us: int) -> list[HistoryEvent]:
    """Return a timer, and that it fires."""
    return [
        TimerCreated(at_us=at_us, id=id, fire_at_us=fire_at_us),
        TimerFired(at_us=fire_at_us, id=id),
    ]


def child(
    id: int = 1, *, instance_id: str = OWN_ID, end: OnParentEnd = "terminate"
) -> ChildStarted:
    """Return the start of a child."""
    return ChildStarted(
        at_us=0, id=id, workflow="c", instance_id=instance_id, arguments="{}", on_parent_end=end
    )


DONE = Completed(at_us=100 * SECOND, result="null")


def both(*events: HistoryEvent) -> tuple[int, int]:
    """Return the count by the billing page, and by the metrics page."""
    counted = count_actions(events)
    return counted.published, counted.metrics


@pytest.mark.parametrize(
    ("events", "published", "metrics"),
    [
        ([started(), *activity(1), *activity(2), *activity(3), DONE], 7, 7),
        ([started(), *timer(1, at_us=0, fire_at_us=SECOND), DONE], 2, 3),
        ([started(), EventReceived(at_us=1, name="go", payload="1"), DONE], 2, 2),
        ([started(), Suspended(at_us=1), Resumed(at_us=2), Terminated(at_us=3)], 4, 4),
        ([started(), ContinuedAsNew(at_us=1, arguments="{}")], 1, 1),
        ([started(patches=("a",)), DONE], 2, 2),
        ([started(execution_deadline_us=200 * SECOND), *activity(1), DONE], 3, 4),
        # A child has a journal of its own, in which its start counts.
        ([started(), child(), ChildCompleted(at_us=1, id=1, result="1"), DONE], 2, 2),
        ([started(parent=ParentLink(instance_id="p", run_id="r", command_id=1)), DONE], 1, 1),
    ],
)
def test_journals_come_to(events: list[HistoryEvent], published: int, metrics: int) -> None:
    assert both(*events) == (published, metrics)


def test_a_child_that_perdure_starts_itself_costs_four_more() -> None:
    end = ChildCompleted(at_us=1, id=1, result="1")
    known = both(started(), child(), end, DONE)
    named = both(started(), child(instance_id="mine"), end, DONE)
    outliving = both(started(), child(end="abandon"), end, DONE)
    assert (named[0] - known[0], outliving[0] - known[0]) == (4, 4)


def test_children_that_are_ended_with_their_parent_cost_two_and_one_each() -> None:
    second = child(2, instance_id=f"parent-{child_digest(RUN, 2)}")
    one = both(started(), child(), *activity(3), DONE)
    two = both(started(), child(), second, *activity(3), DONE)
    none = both(started(), *activity(3), DONE)
    assert (one[0] - none[0], two[0] - none[0]) == (3, 4)


def test_what_is_asked_for_with_the_end_is_not_asked_for() -> None:
    last = [activity(1)[0], child(2), TimerCreated(at_us=0, id=3, fire_at_us=9)]
    assert both(started(), *last, DONE) == (1, 1)
    # Only a child that outlives its parent is started, in a turn that a timer brings.
    assert both(started(), child(end="abandon"), DONE) == (1 + 2 + 1, 1 + 2 + 2)


def test_of_twenty_deadlines_one_is_a_timer() -> None:
    events: list[HistoryEvent] = [started()]
    for number in range(20):
        at_us = number * 1_000
        deadline = TimerCreated(at_us=at_us, id=2 * number + 1, fire_at_us=at_us + 3_600 * SECOND)
        events += [deadline, *activity(2 * number + 2, at_us=at_us)]
    assert both(*events, DONE) == (41, 42)
    # Of somebody else's instance each counts.
    events[0] = started(perdure="")
    assert both(*events, DONE) == (41, 61)


def test_an_earlier_deadline_is_a_timer_beside_the_later_one() -> None:
    later = TimerCreated(at_us=0, id=1, fire_at_us=50 * SECOND)
    earlier = TimerCreated(at_us=0, id=3, fire_at_us=30 * SECOND)
    assert both(started(), later, *activity(2), earlier, *activity(4), DONE) == (5, 5 + 2)
    # Both at once: the later one is armed when the earlier one has fired.
    assert both(started(), later, earlier, *activity(2), DONE) == (3, 3 + 1)
    event = EventReceived(at_us=40 * SECOND, name="e", payload="1")
    assert both(started(), later, earlier, *activity(2), event, DONE) == (4 + 1, 4 + 1 + 2)


SOME = settings(max_examples=30)
EVENTS = st.one_of(
    st.builds(activity, st.integers(1, 50)),
    st.builds(lambda at: [EventReceived(at_us=at, name="e", payload="1")], st.integers(0, 99)),
    st.builds(
        lambda id, at: timer(id, at_us=at, fire_at_us=at + SECOND),
        st.integers(100, 150),
        st.integers(0, 99),
    ),
    st.builds(lambda id: [child(id)], st.integers(200, 250)),
    st.just([Suspended(at_us=0), Resumed(at_us=0)]),
)
BODIES = st.lists(EVENTS, max_size=12).map(
    lambda parts: [event for part in parts for event in part]
)


@SOME
@given(BODIES)
def test_the_metrics_page_never_has_less(body: Sequence[HistoryEvent]) -> None:
    counted = count_actions([started(), *body])
    assert counted.metrics >= counted.published >= 1
    assert counted.metrics - counted.published == counted.kinds.get(TIMERS_SCHEDULED, 0)


@SOME
@given(BODIES)
def test_an_activity_adds_two(body: Sequence[HistoryEvent]) -> None:
    before = count_actions([started(), *body])
    after = count_actions([started(), *activity(99), *body])
    assert (after - before).kinds == {"activity_schedules": 1, "activity_results": 1}


@SOME
@given(BODIES, st.sampled_from([Suspended, Resumed]))
def test_a_message_of_a_client_adds_one(body: Sequence[HistoryEvent], kind: Any) -> None:
    before, after = (count_actions([started(), *more, *body]) for more in ([], [kind(at_us=0)]))
    assert after.published - before.published == 1


@SOME
@given(st.lists(BODIES, max_size=5))
def test_a_sum_has_the_kinds_of_its_parts(bodies: list[list[HistoryEvent]]) -> None:
    parts = [count_actions([started(), *body]) for body in bodies]
    whole = total(parts)
    assert whole.published == sum(part.published for part in parts)
    assert whole.metrics == sum(whole.kinds.values()) == sum(part.metrics for part in parts)
    assert set(whole.kinds) <= set(KINDS)


@SOME
@given(BODIES)
def test_twice_counted_is_the_same(body: Sequence[HistoryEvent]) -> None:
    assert count_actions(list(body)) == count_actions(iter(body))


def test_files_are_read_as_history_writes_them() -> None:
    events = [started(), *activity(1), DONE]
    raw = encode_journal(events)
    assert read_journal(raw) == events
    records = [event_record(event) for event in events]
    assert read_journal("\n".join(map(json.dumps, records))) == events
    assert read_journal(json.dumps(records)) == events
    for text in ("", "[]", "no journal", '{"kind": "Odd", "at": "2026-01-01T00:00:00Z"}', "[3"):
        with pytest.raises(PayloadError, match="journal"):
            read_journal(text)


def test_nothing_is_nothing() -> None:
    assert count_actions([]).metrics == Actions().published == 0


def test_the_page_says_of_each_kind_where_it_stands() -> None:
    lines = (ROOT / "docs" / "cost.md").read_text(encoding="utf-8").splitlines()
    for words, basis in KINDS.values():
        published = "-" if basis == "metrics page" else "1"
        assert f"| {words} | {published} | 1 | {basis} |" in lines
