"""The proof: it must count what goes wrong, or it proves nothing."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from evidence import Line
from perdure.spi import history as facts
from perdure.types import Failure
from proof import Kill, compare, in_flight

if TYPE_CHECKING:
    from evidence import Phase

FIRST, SECOND = 100, 200
KILL = Kill(pid=FIRST, at_us=2_500)
RUN = "audit:run-1"


def _line(phase: Phase, number: int, pid: int, at_us: int, *, attempt: int = 1) -> Line:
    return Line(
        phase=phase,
        activity="read",
        key=f"{RUN}:{number}",
        attempt=attempt,
        pid=pid,
        at_us=at_us,
    )


def _history() -> list[facts.HistoryEvent]:
    """Three activities: one done before the kill (at its second try), one caught, one after."""
    schedule = facts.ActivityScheduled
    return [
        facts.WorkflowStarted(
            at_us=1_000,
            instance_id="audit",
            run_id="run-1",
            workflow="audit",
            arguments="{}",
            seed="s",
        ),
        schedule(at_us=1_000, id=1, key_id=1, name="read", arguments="{}"),
        facts.ActivityFailed(at_us=1_200, id=1, failure=Failure(type="OSError", message="told")),
        facts.TimerCreated(at_us=1_200, id=2, fire_at_us=2_700),
        schedule(at_us=1_300, id=3, key_id=1, name="read", arguments="{}", attempt=2),
        facts.ActivityCompleted(at_us=1_900, id=3, result="1"),
        schedule(at_us=1_900, id=4, key_id=4, name="read", arguments="{}"),
        facts.TimerFired(at_us=2_750, id=2),
        facts.ActivityCompleted(at_us=3_900, id=4, result="2"),
        schedule(at_us=3_900, id=5, key_id=5, name="read", arguments="{}"),
        facts.ActivityCompleted(at_us=4_900, id=5, result="3"),
        facts.Completed(at_us=4_900, result="null"),
    ]


def _evidence() -> list[Line]:
    return [
        _line("begin", 1, FIRST, 1_100),
        _line("fail", 1, FIRST, 1_150),
        _line("begin", 1, FIRST, 1_400, attempt=2),
        _line("end", 1, FIRST, 1_800, attempt=2),
        _line("begin", 4, FIRST, 2_000),
        _line("begin", 4, SECOND, 3_000),
        _line("end", 4, SECOND, 3_800),
        _line("begin", 5, SECOND, 4_000),
        _line("end", 5, SECOND, 4_800),
    ]


def test_counts_of_a_run_that_went_well() -> None:
    proof = compare(_evidence(), _history(), KILL)
    assert proof.holds, proof.problems
    assert (proof.finished, proof.finished_before_kill) == (3, 1)
    assert (proof.repeated, proof.lost, proof.restarted, proof.retried) == (0, 0, 1, 1)
    assert proof.resumed_after_ms == pytest.approx(0.5)
    assert proof.timers_across == 1
    assert proof.timer_late_ms == pytest.approx(0.05)


def test_a_finished_activity_that_runs_again_is_counted() -> None:
    doctored = [*_evidence(), _line("begin", 1, SECOND, 3_100, attempt=2)]
    proof = compare(doctored, _history(), KILL)
    assert (proof.repeated, proof.restarted) == (1, 1)
    assert proof.problems == ("1 ran again after having finished",)


def test_a_failed_attempt_that_runs_again_is_counted() -> None:
    doctored = [*_evidence(), _line("begin", 1, SECOND, 3_100)]
    assert compare(doctored, _history(), KILL).repeated == 1


def test_each_repetition_counts() -> None:
    doctored = [*_evidence(), *(_line("begin", 5, SECOND, 5_000 + i) for i in range(3))]
    assert compare(doctored, _history(), KILL).repeated == 3


def test_a_run_cut_between_its_end_and_the_commit_is_no_repetition() -> None:
    evidence = _evidence()
    evidence.insert(5, _line("end", 4, FIRST, 2_400))
    proof = compare(evidence, _history(), KILL)
    assert proof.holds
    assert (proof.restarted, proof.uncommitted) == (1, 1)


def test_an_activity_that_never_finished_is_lost() -> None:
    completed = facts.ActivityCompleted
    history = [each for each in _history() if not (isinstance(each, completed) and each.id == 5)]
    proof = compare(_evidence(), history, KILL)
    assert proof.lost == 1
    assert "1 lost" in proof.problems


def test_a_result_that_no_activity_wrote_is_lost() -> None:
    doctored = [line for line in _evidence() if line.key != f"{RUN}:5"]
    assert compare(doctored, _history(), KILL).lost == 1


def test_a_run_that_the_history_does_not_know_fails_the_proof() -> None:
    doctored = [*_evidence(), _line("begin", 9, SECOND, 4_100), _line("end", 9, SECOND, 4_200)]
    assert compare(doctored, _history(), KILL).problems == ("1 ran that the history does not know",)


def test_two_runs_that_no_kill_explains_fail_the_proof() -> None:
    doctored = _evidence()
    doctored.insert(8, _line("begin", 5, SECOND, 4_100))
    problems = compare(doctored, _history(), KILL).problems
    assert problems == ("1 started twice though no kill explains it",)


def test_a_workflow_that_did_not_complete_fails_the_proof() -> None:
    assert not compare(_evidence(), _history()[:-1], KILL).holds


@pytest.mark.parametrize("at_us", [500, 6_000])
def test_a_kill_before_or_after_everything_proves_nothing(at_us: int) -> None:
    assert not compare(_evidence(), _history(), dataclasses.replace(KILL, at_us=at_us)).holds


def test_in_flight_is_what_began_and_has_not_ended() -> None:
    assert in_flight(_evidence()[:5]) == {(f"{RUN}:4", 1)}
    assert in_flight(_evidence()[:4]) == set()
