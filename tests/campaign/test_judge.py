"""The campaign's judge: it must be able to find each fault, and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.campaign.judge import Judge, Verdict
from tests.campaign.kills import run_anew
from tests.campaign.shapes import problem_with
from tests.campaign.watch import Watch
from tests.crash.evidence import Line, append

if TYPE_CHECKING:
    from pathlib import Path


def _line(
    phase: Any, key: str, at: float, *, pid: int = 1, attempt: int = 1, seen: tuple[str, ...] = ()
) -> Line:
    return Line(phase=phase, key=key, attempt=attempt, pid=pid, label=key, seen=seen, at=at)


def _judge(*lines: Line, deaths: dict[int, float] | None = None, careful: str = "") -> Verdict:
    return Judge(deaths=deaths or {}, careful=[careful]).examine(lines)


def test_what_runs_once_is_no_fault() -> None:
    verdict = _judge(_line("begin", "i/a", 1), _line("end", "i/a", 2))
    assert verdict == Verdict(operations=1)
    assert verdict.faults == 0


def test_a_step_begun_again_after_its_successor_began_is_a_fault() -> None:
    verdict = _judge(
        _line("begin", "i/a", 1),
        _line("end", "i/a", 2),
        _line("begin", "i/b", 3, seen=("i/a",)),
        _line("begin", "i/a", 5, pid=2),
        deaths={1: 4.0},
    )
    assert verdict.after_durable == ["i/a"]
    assert verdict.faults == 1


def test_a_failed_attempt_begun_again_after_the_next_one_is_a_fault() -> None:
    verdict = _judge(
        _line("begin", "i/a", 1),
        _line("fail", "i/a", 2),
        _line("begin", "i/a", 3, attempt=2),
        _line("begin", "i/a", 4),
    )
    assert verdict.after_durable == ["i/a"]


def test_a_step_that_ended_and_begins_again_while_its_worker_lives_is_a_fault() -> None:
    lines = (_line("begin", "i/a", 1), _line("end", "i/a", 2), _line("begin", "i/a", 3, pid=2))
    assert _judge(*lines).with_worker_alive == ["i/a"]
    assert _judge(*lines, deaths={1: 9.0}).faults == 1


def test_a_step_whose_worker_died_just_after_its_end_is_in_doubt() -> None:
    lines = (_line("begin", "i/a", 1), _line("end", "i/a", 2), _line("begin", "i/a", 9, pid=2))
    verdict = _judge(*lines, deaths={1: 2.01})
    assert verdict.in_doubt == ["i/a"]
    assert verdict.faults == 0


def test_a_step_whose_worker_died_long_after_its_end_is_a_fault() -> None:
    lines = (_line("begin", "i/a", 1), _line("end", "i/a", 2), _line("begin", "i/a", 9, pid=2))
    assert _judge(*lines, deaths={1: 5.0}).long_in_doubt == ["i/a"]


def test_a_step_that_was_cut_short_may_begin_again() -> None:
    verdict = _judge(_line("begin", "i/a", 1), _line("begin", "i/a", 3, pid=2), deaths={1: 2.0})
    assert verdict.cut_short == ["i/a"]
    assert verdict.faults == 0


def test_a_step_that_begins_while_it_runs_is_a_fault() -> None:
    verdict = _judge(_line("begin", "i/a", 1), _line("begin", "i/a", 3, pid=2))
    assert verdict.at_once == ["i/a"]


def test_a_step_that_may_run_once_may_not_begin_again_at_all() -> None:
    verdict = _judge(
        _line("begin", "i/a", 1), _line("begin", "i/a", 3, pid=2), deaths={1: 2.0}, careful="i"
    )
    assert verdict.careful_twice == ["i/a"]
    assert verdict.faults == 1


def test_what_a_process_has_begun_and_not_ended_is_in_flight(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    watch = Watch(record)
    assert watch.running([1]) == 0
    for line in (_line("begin", "i/a", 1), _line("begin", "i/b", 2), _line("end", "i/b", 3)):
        append(record, line)
    assert (watch.running([1]), watch.running([2]), watch.begun()) == (1, 0, 2)
    append(record, _line("end", "i/a", 4))
    assert (watch.running([1]), watch.begun()) == (0, 2)


@pytest.mark.parametrize(
    ("heard", "doubtful", "is_right"),
    [
        ([1, 2, 3, 4, 5, 6], [], True),
        ([1, 2, 2, 3, 4, 5, 6], [2], True),
        ([1, 2, 2, 3, 4, 5, 6], [3], False),
        ([1, 2, 4, 5, 6], [], False),
        ([2, 1, 3, 4, 5, 6], [1, 2], False),
    ],
)
def test_numbers_are_heard_once_and_in_order_but_for_those_that_were_sent_again(
    heard: list[int], doubtful: list[int], is_right: bool
) -> None:
    problem = problem_with("hearer", "i", heard, doubtful=doubtful)
    assert (problem == "") is is_right


def test_a_label_that_is_missing_is_a_wrong_result() -> None:
    assert problem_with("chain", "i", [f"i/{number}" for number in range(7)])
    assert not problem_with("chain", "i", [f"i/{number}" for number in range(8)])


def _anew(*lines: Line, deaths: dict[int, float] | None = None) -> tuple[list[str], list[str]]:
    return run_anew(lines, excused=deaths or {})


def _same(phase: Any, key: str, at: float, *, pid: int = 1) -> Line:
    return Line(phase=phase, key=key, attempt=1, pid=pid, label="a", at=at)


def test_an_end_that_is_run_again_under_another_key_is_found() -> None:
    lines = (_same("begin", "i", 1), _same("end", "i", 2), _same("begin", "j", 5, pid=2))
    assert _anew(*lines) == (["a"], [])
    assert _anew(*lines, deaths={1: 4.0}) == (["a"], []), "it had ended long before"
    assert _anew(*lines, deaths={1: 2.5}) == ([], ["a"])
    assert _anew(*lines, deaths={1: 6.0}) == (["a"], []), "its process still lived"


def test_what_a_death_cut_short_may_run_under_another_key() -> None:
    lines = (_same("begin", "i", 1), _same("begin", "j", 5, pid=2), _same("end", "j", 6, pid=2))
    assert _anew(*lines, deaths={1: 2.0}) == ([], ["a"])
    assert _anew(*lines) == ([], [])
    failed = (_same("begin", "i", 1), _same("fail", "i", 2), _same("begin", "j", 5, pid=2))
    assert _anew(*failed, deaths={1: 3.0}) == ([], [])
