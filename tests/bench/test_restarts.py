"""What is made of the activities around a kill."""

from __future__ import annotations

from perdure_bench.restarts import BLOCKED, STEPS, recovery_of
from perdure_bench.sides.steps import Step

OLD, NEW = 1, 2
KILLED_AT = 100.0


def step(number: int, pid: int) -> Step:
    since_kill = number - BLOCKED + 0.75 if pid == NEW else number - STEPS
    return Step(number=number, pid=pid, at=KILLED_AT + since_kill)


BEFORE = [step(number, OLD) for number in range(BLOCKED + 1)]
AFTER = [step(number, NEW) for number in range(BLOCKED, STEPS)]


def test_a_recovery_lasts_from_the_kill_to_the_first_line_elsewhere() -> None:
    found = recovery_of([*BEFORE, *AFTER], killed_pid=OLD, killed_at=KILLED_AT)
    assert found.seconds == 0.75
    assert found.note == ""
    assert found.figures == {"finished_activities_run_again": 0, "cut_off_activity_runs": 2}
    assert found.details["runs_of_activities"] == [1] * BLOCKED + [2] + [1] * (STEPS - BLOCKED - 1)


def test_finished_activities_that_run_again_are_said() -> None:
    again = [step(3, NEW), step(4, NEW)]
    found = recovery_of([*BEFORE, *again, *AFTER], killed_pid=OLD, killed_at=KILLED_AT)
    assert found.figures["finished_activities_run_again"] == 2
    assert found.note == "finished activities ran again: 2"
    assert found.details["runs_of_activities"][3:5] == [2, 2]
