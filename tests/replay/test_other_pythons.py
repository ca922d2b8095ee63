"""A case gives the same journal on every Python, however asyncio changed in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from scripts.replay_on_other_pythons import SUPPORTED, find
from tests.replay.program_driver import digest, play_case
from tests.replay.program_strategies import cases
from tests.replay.worker_process import WorkerProcess
from tests.soak import either

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.replay.program_driver import Case

pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(either(60, soak=3_600)),
    pytest.mark.usefixtures("silent_programs"),
]


@pytest.fixture(scope="module")
def other_pythons() -> Iterator[dict[str, WorkerProcess]]:
    """Start a worker under each supported Python that is on this machine."""
    found = {version: find(version) for version in SUPPORTED}
    workers = {
        version: WorkerProcess(hash_seed=number, interpreter=interpreter)
        for number, (version, interpreter) in enumerate(found.items())
        if interpreter is not None
    }
    if len(workers) < 2:
        pytest.skip("only one of the supported Pythons is on this machine")
    yield workers
    for worker in workers.values():
        worker.close()


@settings(max_examples=either(120, soak=8_000))
@given(case=cases)
def test_a_case_gives_the_same_journal_on_every_python(
    other_pythons: dict[str, WorkerProcess], case: Case
) -> None:
    play = play_case(case)
    play.executor.close()

    answers = {version: worker.answer(case) for version, worker in other_pythons.items()}

    assert answers == dict.fromkeys(answers, digest(play.journal))
