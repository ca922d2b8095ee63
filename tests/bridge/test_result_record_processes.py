"""A record of results and several worker processes, which die by SIGKILL at the worst moments."""

from __future__ import annotations

import contextlib
import select
import signal
import time
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.bridge.deliveries import DeliveryWorker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from perdure.types import Delivery

    StartWorker = Callable[..., DeliveryWorker]

pytestmark = pytest.mark.crash

UNKNOWN = "perdure.errors.ActivityOutcomeUnknownError"
MANY = 60
DEATHS = 4


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """The file in which activities write down that they run."""
    return tmp_path / "notes"


@pytest.fixture
def start(tmp_path: Path, notes: Path) -> Iterator[StartWorker]:
    """Starts a worker process."""
    with contextlib.ExitStack() as stack:

        def start(**options: object) -> DeliveryWorker:
            worker = DeliveryWorker(tmp_path, notes, **options)  # type: ignore[arg-type]
            stack.callback(worker.kill)
            return worker

        yield start


def runs(notes: Path) -> list[str]:
    """Return which attempts ran, in order."""
    return notes.read_text().split() if notes.exists() else []


def until_run(notes: Path, count: int) -> None:
    """Wait until so many attempts have begun."""
    deadline = time.monotonic() + 20
    while len(runs(notes)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def is_silent(worker: DeliveryWorker, seconds: float) -> bool:
    """Return whether nothing comes for so long."""
    assert worker.process.stdout is not None
    return not select.select([worker.process.stdout.fileno()], [], [], seconds)[0]


@pytest.mark.parametrize(
    ("delivery", "count", "answer"),
    [("at_least_once", 2, "by {pid}"), ("at_most_once", 1, UNKNOWN)],
)
def test_a_worker_that_dies_before_it_has_recorded_a_result(
    start: StartWorker, notes: Path, delivery: Delivery, count: int, answer: str
) -> None:
    worker = start(dies="executed")
    worker.deliver(1, delivery=delivery)
    assert worker.answer() == ""
    assert worker.wait() == -signal.SIGKILL
    other = start()
    other.deliver(1, delivery=delivery)
    assert other.answer().replace('"', "") == f"1 {answer.format(pid=other.process.pid)}"
    assert len(runs(notes)) == count


@pytest.mark.parametrize("delivery", ["at_least_once", "at_most_once"])
def test_a_worker_that_dies_before_it_has_delivered_a_recorded_result(
    start: StartWorker, notes: Path, delivery: Delivery
) -> None:
    worker = start(dies="recorded")
    worker.deliver(1, delivery=delivery)
    assert worker.answer() == ""
    other = start()
    for _ in range(2):
        other.deliver(1, delivery=delivery)
        assert other.answer() == f'1 "by {worker.process.pid}"'
    assert runs(notes) == ["1"]


@pytest.mark.parametrize(
    ("delivery", "count", "answer"),
    [("at_least_once", 2, "by {pid}"), ("at_most_once", 1, UNKNOWN)],
)
def test_an_attempt_in_a_live_process_is_followed_until_that_dies(
    start: StartWorker, notes: Path, delivery: Delivery, count: int, answer: str
) -> None:
    worker, other = start(), start()
    worker.deliver(1, delivery=delivery, does="hangs")
    until_run(notes, 1)
    other.deliver(1, delivery=delivery)
    assert is_silent(other, 1.0)
    # One that is only stopped lives.
    worker.process.send_signal(signal.SIGSTOP)
    assert is_silent(other, 0.6)
    worker.kill()
    assert other.answer().replace('"', "") == f"1 {answer.format(pid=other.process.pid)}"
    assert len(runs(notes)) == count


def test_random_deliveries_to_two_processes_run_each_attempt_once(
    start: StartWorker, notes: Path
) -> None:
    random = Random(7)
    workers = [start(), start()]
    expected: Counter[str] = Counter()
    for _ in range(MANY * 4):
        number = random.randrange(MANY)
        delivery: Delivery = "at_most_once" if number % 2 else "at_least_once"
        random.choice(workers).deliver(number, delivery=delivery)
        expected[str(number)] += 1
    answers = []
    for worker in workers:
        worker.end_input()
    for worker in workers:
        while line := worker.answer():
            answers.append(line)
        assert worker.wait() == 0
    assert Counter(line.split()[0] for line in answers) == expected
    assert len(set(answers)) == len(expected), "all deliveries of an attempt have one answer"
    assert Counter(runs(notes)) == Counter(set(runs(notes)))


@pytest.mark.parametrize("place", ["executed", "recorded"])
def test_no_answer_changes_however_often_workers_die(
    start: StartWorker, notes: Path, place: str
) -> None:
    random = Random(place)
    known: dict[str, str] = {}
    for deaths in range(DEATHS + 1):
        options = {"dies": place, "at": random.randint(1, MANY // 4)} if deaths < DEATHS else {}
        worker = start(**options)
        for each in random.sample(range(MANY), MANY):
            with contextlib.suppress(BrokenPipeError):
                worker.deliver(each, delivery="at_most_once" if each % 2 else "at_least_once")
        worker.end_input()
        while line := worker.answer():
            number, said = line.split(" ", 1)
            assert known.setdefault(number, said) == said
        assert worker.wait() == (-signal.SIGKILL if options else 0)
    assert len(known) == MANY
    counts = Counter(runs(notes))
    assert all(counts[str(each)] <= 1 for each in range(1, MANY, 2))
    assert all(counts[each] >= 1 for each, said in known.items() if said != UNKNOWN)
