"""Timelines: which rows a history makes, and where its bars are drawn."""

from __future__ import annotations

from perdure.cli.axis import Axis
from perdure.cli.chart import Chart
from perdure.cli.stored import argument_words, compact_json
from perdure.cli.text import (
    ago,
    parse_duration,
    plain,
    short_duration,
)
from perdure.cli.timeline import Kind, State, folded, make_timeline
from perdure.clock import from_us
from perdure.spi.history import (
    ActivityCompleted,
    ActivityFailed,
    ActivityScheduled,
    Completed,
    EventReceived,
    HistoryEvent,
    Resumed,
    Suspended,
    TimerCreated,
    TimerFired,
    WorkflowStarted,
)
from perdure.types import Failure

SECOND = 1_000_000
DAY = 86_400 * SECOND
BUSY = Failure(type="OSError", message="busy")


def _started() -> WorkflowStarted:
    return WorkflowStarted(
        at_us=0, instance_id="a", run_id="r", workflow="w", arguments="{}", seed="r"
    )


def _scheduled(at_us: int, id: int, attempt: int = 1, key_id: int = 1) -> ActivityScheduled:
    return ActivityScheduled(
        at_us=at_us, id=id, name="quote", arguments="{}", attempt=attempt, key_id=key_id
    )


RETRIED: list[HistoryEvent] = [
    _started(),
    _scheduled(0, 1),
    ActivityFailed(at_us=SECOND, id=1, failure=BUSY),
    TimerCreated(at_us=SECOND, id=2, fire_at_us=3 * SECOND),
    TimerFired(at_us=3 * SECOND, id=2),
    _scheduled(3 * SECOND, 3, attempt=2),
    ActivityCompleted(at_us=4 * SECOND, id=3, result="1"),
]


def test_attempts_and_the_waits_between_share_a_row() -> None:
    (row,) = make_timeline(RETRIED, now_us=5 * SECOND).rows
    assert [bar.kind for bar in row.bars] == [Kind.FAILED, Kind.WAIT, Kind.RUN]
    assert (row.attempts, row.state) == (2, State.DONE)


def test_a_wait_after_a_failure_is_the_wait_for_the_next_attempt() -> None:
    (row,) = make_timeline(RETRIED[:4], now_us=2 * SECOND).rows
    assert [bar.kind for bar in row.bars] == [Kind.FAILED, Kind.WAIT]
    assert row.state is State.OPEN


def test_a_sleep_of_the_workflow_has_a_row_of_its_own() -> None:
    slept = [*RETRIED[:5], Completed(at_us=3 * SECOND, result="null")]
    rows = make_timeline(slept, now_us=4 * SECOND).rows
    assert [(row.subject, row.state) for row in rows] == [
        ("activity", State.FAILED),
        ("timer", State.DONE),
    ]


def test_what_nobody_waits_for_ends_with_the_run() -> None:
    events = [*RETRIED[:2], Completed(at_us=2 * SECOND, result="null")]
    (row,) = make_timeline(events, now_us=9 * SECOND).rows
    assert (row.state, row.end_us(9 * SECOND)) == (State.UNUSED, 2 * SECOND)


def test_holds_and_events_are_rows() -> None:
    events = [
        _started(),
        Suspended(at_us=SECOND, reason="a break"),
        EventReceived(at_us=2 * SECOND, name="e", payload="1"),
        Resumed(at_us=3 * SECOND),
    ]
    rows = make_timeline(events, now_us=4 * SECOND).rows
    assert [(row.subject, row.name, row.state) for row in rows] == [
        ("hold", "a break", State.DONE),
        ("event", "e", State.DONE),
    ]


def test_a_fan_out_is_folded_and_what_failed_is_not() -> None:
    events: list[HistoryEvent] = [_started()]
    events += [_scheduled(0, id, key_id=id) for id in range(1, 1001)]
    events += [ActivityCompleted(at_us=SECOND, id=id, result="1") for id in range(1, 1000)]
    events += [ActivityFailed(at_us=SECOND, id=1000, failure=BUSY)]
    timeline = make_timeline(events, now_us=SECOND)
    rows = folded(timeline.rows, longest=8)
    assert [row.count for row in rows] == [*[1] * 7, 992, 1]
    assert rows[-1].state is State.FAILED


def test_long_idling_is_cut_and_work_stays_visible() -> None:
    events = [
        _started(),
        _scheduled(0, 1),
        ActivityCompleted(at_us=SECOND, id=1, result="1"),
        TimerCreated(at_us=SECOND, id=2, fire_at_us=3 * DAY),
        TimerFired(at_us=3 * DAY, id=2),
        _scheduled(3 * DAY, 3, key_id=3),
        ActivityCompleted(at_us=3 * DAY + SECOND, id=3, result="1"),
        Completed(at_us=3 * DAY + SECOND, result="1"),
    ]
    timeline = make_timeline(events, now_us=4 * DAY)
    axis = Axis(timeline, width=40, now_us=4 * DAY)
    assert [stretch.is_cut for stretch in axis.stretches] == [False, True, False]
    assert axis.column(SECOND) >= 10
    assert axis.column(3 * DAY) < 30
    lines = Chart(timeline, timeline.rows, width=60, now_us=timeline.end_us).lines()
    scale = "".join(text for text, _ in lines[0])
    assert "⋯2d 23h⋯" in scale
    assert all(sum(len(text) for text, _ in line) <= 60 for line in lines)


def test_every_bar_is_seen_however_short() -> None:
    events = [
        _started(),
        _scheduled(0, 1),
        _scheduled(0, 2, key_id=2),
        ActivityCompleted(at_us=1, id=1, result="1"),
        ActivityCompleted(at_us=100 * SECOND, id=2, result="1"),
    ]
    timeline = make_timeline(events, now_us=100 * SECOND)
    lines = Chart(timeline, timeline.rows, width=70, now_us=timeline.end_us).lines()
    assert "━" in "".join(text for text, _ in lines[1])


def test_durations_are_read_and_written() -> None:
    shown = [short_duration(seconds) for seconds in (0, 0.004, 1.234, 59.94, 60, 3_661, 176_400)]
    assert shown == ["0s", "4ms", "1.23s", "59.9s", "1m", "1h 1m", "2d 1h"]
    assert parse_duration("1h30m").total_seconds() == 5_400
    assert ago(from_us(0), now=from_us(90 * SECOND)) == "1m ago"


def test_text_for_a_terminal_can_only_be_shown() -> None:
    assert plain("a\x1b[31m\u202eb\n") == "a\\x1b[31m\\u202eb\\n"
    assert compact_json('{"a":"ø"}') == '{"a": "ø"}'
    assert compact_json("not json\x07") == "not json\\x07"


def test_arguments_are_shown_by_their_values() -> None:
    assert argument_words('{"city":"Oslo","days":[1,2]}') == "Oslo [1, 2]"
    assert argument_words("{}") == ""


def test_a_payload_that_cannot_be_opened_is_told_of() -> None:
    sealed = '{"$perdure":1,"codecs":["aes-gcm"],"data":"AAAA"}'
    assert argument_words(sealed) == "(sealed)"
    assert compact_json(sealed) == "(not readable here: aes-gcm, 3 B)"
    away = f'{{"$perdure":1,"codecs":[],"ref":"a/{"0" * 64}","size":7}}'
    assert compact_json(away) == "(not readable here: in the payload store, 7 B)"
    assert compact_json('{"$perdure":1,"odd":1}') == "(damaged payload)"
    assert compact_json('{"a":"$perdure"}') == '{"a": "$perdure"}'
