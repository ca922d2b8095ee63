"""Random programs: whatever happens in whatever order, a replay is the same."""

from __future__ import annotations

import itertools
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure._replay import draws
from perdure.errors import NonDeterminismError
from perdure.spi.journal import decode_journal, encode_journal
from tests.replay.program_driver import Case, Play, check_prefixes, digest, play_case
from tests.replay.program_machine import PROGRAM
from tests.replay.program_strategies import cases
from tests.replay.worker_process import WorkerProcess
from tests.soak import either

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(either(60, soak=3_600)),
    pytest.mark.usefixtures("silent_programs"),
]

WIDE = ["wait", [["act", "a", 1]] * 40, "ALL_COMPLETED", False]
RACE = ["seq", [["wait", [["gather", [["act", "a", 1]] * 2, True]] * 20, "FIRST_COMPLETED", True]]]
GROUP = ["group", [["boom"], *[["try", ["event", "go"], ["draw"], ["act", "a", 1]]] * 30], ["draw"]]


@pytest.fixture(scope="module")
def workers() -> Iterator[list[WorkerProcess]]:
    """Start two processes in which nothing hashes alike."""
    started = [WorkerProcess(hash_seed=seed) for seed in (1, 2)]
    yield started
    for worker in started:
        worker.close()


def played(case: Case) -> tuple[Play, list[Any]]:
    """Play a case; return what came of it, and how all looked to a host in the end."""
    play = play_case(case)
    snapshot = play.snapshot()
    play.executor.close()
    return play, snapshot


def check(case: Case) -> None:
    """Replay a case from every prefix, and see that all looks the same to a host in the end."""
    play, snapshot = played(case)
    for again in check_prefixes(PROGRAM, play):
        assert again.snapshot()[1:] == snapshot[1:]


def later(case: Case, play: Play, cut: int) -> Case:
    """Return the case that begins with some of the journal of ``case``."""
    index = cut % len(play.given)
    prefix = encode_journal(play.journal[: play.given[index][0]])
    # The first input is the start, which no choice chose.
    return Case(program=case.program, choices=case.choices[max(index - 1, 0) :], journal=prefix)


@settings(max_examples=either(60, soak=4_000))
@given(cases)
def test_a_run_is_the_same_rebuilt_from_any_prefix_of_its_journal(case: Case) -> None:
    check(case)


@settings(max_examples=either(100, soak=6_000))
@given(case=cases, cut=st.integers(0, 1_000))
def test_a_run_is_the_same_begun_or_gone_on_with_in_another_process(
    workers: list[WorkerProcess], case: Case, cut: int
) -> None:
    play, _ = played(case)

    assert workers[0].answer(case) == digest(play.journal)
    assert workers[1].answer(later(case, play, cut)) == digest(play.journal)


@settings(max_examples=either(60, soak=2_000))
@given(cases)
def test_a_journal_survives_its_text(case: Case) -> None:
    journal = played(case)[0].journal

    assert decode_journal(encode_journal(journal)) == journal


def fixed_cases() -> Iterator[Case]:
    """Yield cases in which the order of sets shows."""
    programs: list[list[Any]] = [WIDE, RACE, GROUP]
    for program, seed in itertools.product(programs, range(4)):
        choices = [Random(seed).randrange(10_000) for _ in range(50)]
        yield Case(program=program, choices=choices)


def test_these_tests_find_tasks_that_hash_by_address(workers: list[WorkerProcess]) -> None:
    mutant = WorkerProcess("--by-address")
    try:
        found = sum(mutant.answer(case) != workers[0].answer(case) for case in fixed_cases())
    finally:
        mutant.close()

    assert found > 0


def test_these_tests_find_draws_that_no_seed_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draws, "Random", lambda _seed: Random())

    with pytest.raises(NonDeterminismError, match="result="):
        check(Case(program=["draw"], choices=[]))


def test_these_tests_find_timers_that_fire_out_of_order(monkeypatch: pytest.MonkeyPatch) -> None:
    def first_due(self: Any, at_us: int) -> int | None:
        due = [number for number in self._open if number]
        deadline_us = self.next_deadline_us()
        is_due = deadline_us is not None and deadline_us <= at_us
        return Random().choice(due) if is_due and due else None

    monkeypatch.setattr("perdure._replay.timers.TimerTable.first_due", first_due)
    naps = [["seq", [["sleep", 1], ["act", str(i), 1]]] for i in range(30)]

    with pytest.raises(AssertionError):
        check(Case(program=["gather", naps, True], choices=[]))
