"""The golden journals replay: here, under any hash seed, and on every Python found."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from perdure._replay import WorkflowExecutor
from perdure.spi.journal import decode_journal
from scripts.replay_on_other_pythons import SUPPORTED, find
from tests.golden import replay_all
from tests.golden.recording import HAPPENINGS, record, same
from tests.golden.replay_all import GOLDEN, HASH_SEEDS, ROOT
from tests.golden.workflows import DEFINITIONS

if TYPE_CHECKING:
    from perdure.spi.history import HistoryEvent

pytestmark = pytest.mark.golden


def journal_of(name: str) -> list[HistoryEvent]:
    return decode_journal((GOLDEN / f"{name}.jsonl").read_text("utf-8"))


def test_every_workflow_has_a_journal_and_a_way_to_record_it() -> None:
    files = {path.stem for path in GOLDEN.glob("*.jsonl")}

    assert files == set(DEFINITIONS) == set(HAPPENINGS)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_golden_journal_replays_from_every_prefix(name: str) -> None:
    journal = journal_of(name)
    cuts = [i for i, entry in enumerate(journal) if not entry.is_command and i]
    for cut in cuts[:: max(1, len(cuts) // 25)]:
        WorkflowExecutor.rebuild(DEFINITIONS[name], journal[:cut], strict=True).close()
    executor = WorkflowExecutor.rebuild(DEFINITIONS[name], journal, strict=True)

    assert executor.outcome == journal[-1]


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_workflow_run_anew_writes_its_golden_journal(name: str) -> None:
    assert same(record(name)) == same(journal_of(name))


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_golden_journal_names_no_machine(name: str) -> None:
    text = (GOLDEN / f"{name}.jsonl").read_text("utf-8")

    assert str(ROOT) not in text
    assert "File " not in text


def replayed_by(interpreter: str) -> list[str]:
    """Return what the runner says, a line for each hash seed."""
    command = [interpreter, str(GOLDEN / "replay_all.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=25)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_all_replay_in_fresh_processes_under_several_hash_seeds() -> None:
    lines = replayed_by(sys.executable)

    assert [line.rpartition(" ")[2] for line in lines] == list(HASH_SEEDS)


@pytest.mark.parametrize("version", SUPPORTED)
def test_all_replay_on_every_python_that_is_here(version: str) -> None:
    interpreter = find(version)
    if interpreter is None:
        pytest.skip(f"no Python {version} on this machine")

    lines = replayed_by(interpreter)

    assert all(f"{len(DEFINITIONS)} journals replayed by {version}" in line for line in lines)


def test_the_runner_needs_nothing_but_the_standard_library() -> None:
    code = (
        "import sys; sys.argv = ['x']; sys.path.insert(0, 'tests/golden'); import replay_all\n"
        "replay_all.replay_here()\n"
        "ours = {'perdure', 'tests', 'replay_all', '__main__'}\n"
        "roots = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(roots - set(sys.stdlib_module_names) - ours))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import os; os.chdir({str(ROOT)!r})\n{code}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=25,
    )

    assert done.stdout == "[]\n"


def test_a_journal_that_does_not_replay_fails_the_runner(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = dict.fromkeys(DEFINITIONS, DEFINITIONS["wide"])
    monkeypatch.setattr("tests.golden.workflows.DEFINITIONS", other)

    with pytest.raises(BaseException, match="does not match its history"):
        replay_all.replay_here()
