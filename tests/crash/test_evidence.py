"""The crash tests' own judge: it must be able to find a fault."""

from __future__ import annotations

from typing import Any

from tests.crash.evidence import Line, examine


def _line(
    phase: Any, key: str, *, pid: int = 1, attempt: int = 1, seen: tuple[str, ...] = ()
) -> Line:
    return Line(phase=phase, key=key, attempt=attempt, pid=pid, label=key, seen=seen)


def test_a_step_begun_again_after_its_successor_began_is_a_repetition() -> None:
    lines = [
        _line("begin", "a"),
        _line("end", "a"),
        _line("begin", "b", seen=("a",)),
        _line("begin", "a", pid=2, seen=()),
    ]
    assert examine(lines).repeated_after_commit == [("a", 1)]


def test_a_step_begun_again_while_in_doubt_is_none() -> None:
    lines = [
        _line("begin", "a"),
        _line("end", "a"),
        _line("begin", "a", pid=2),
        _line("end", "a", pid=2),
    ]
    findings = examine(lines)
    assert findings.repeated_after_commit == []
    assert findings.repeated_in_doubt == 1
    assert findings.undone_of == {1: 1}


def test_a_failed_attempt_begun_again_after_the_next_attempt_is_a_repetition() -> None:
    lines = [
        _line("begin", "a"),
        _line("fail", "a"),
        _line("begin", "a", attempt=2),
        _line("begin", "a", attempt=1),
    ]
    assert examine(lines).repeated_after_commit == [("a", 1)]


def test_what_a_process_had_begun_and_not_ended_counts_as_in_flight() -> None:
    lines = [_line("begin", "a", pid=7), _line("begin", "b", pid=7), _line("end", "b", pid=7)]
    assert examine(lines).in_flight_of == {7: 1}
