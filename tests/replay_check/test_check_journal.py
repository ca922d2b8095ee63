"""A recorded journal against code as it is now: the first divergence is named, or nothing is."""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure.errors import ConfigurationError
from perdure.replay_check import check_journal
from perdure.spi import encode_journal
from perdure.spi.history import TimerFired, WorkflowStarted
from tests.replay_check.conftest import trips

if TYPE_CHECKING:
    from pathlib import Path


def test_code_that_has_not_changed_replays(journal: Path) -> None:
    assert check_journal(journal, trips()) == []
    assert check_journal(journal, trips(), strict=True) == []


def test_another_activity_is_named_with_its_line(journal: Path) -> None:
    (finding,) = check_journal(journal, trips("reserve"))

    assert (finding.rule, finding.line) == ("replay", 6)
    assert '"name":"book"' in journal.read_text().split("\n")[finding.line - 1]
    assert finding.problem == (
        "workflow 'plan' (instance 'recorded') diverges at entry 6 of 8: recorded "
        "ActivityScheduled 'book' (command 3), but the code now asks for ActivityScheduled "
        "'reserve'"
    )
    assert "perdure.patched" in finding.remedy


def test_only_the_first_divergence_of_a_run_is_told(journal: Path) -> None:
    (finding,) = check_journal(journal, trips("reserve", has_pause=False))

    assert "recorded TimerCreated (command 2)" in finding.problem
    assert finding.line == 4


def test_only_a_strict_check_sees_another_argument(journal: Path) -> None:
    assert check_journal(journal, trips(price=4)) == []

    (finding,) = check_journal(journal, trips(price=4), strict=True)
    assert """with arguments='{"price":3}'""" in finding.problem
    assert """with arguments='{"price":4}'""" in finding.problem


def test_a_run_in_flight_is_checked_as_far_as_it_is(journal: Path) -> None:
    lines = journal.read_text().split("\n")
    journal.write_text("\n".join(lines[:4]))

    assert check_journal(journal, trips("reserve")) == []
    assert len(check_journal(journal, trips(has_pause=False))) == 1


def test_every_run_of_a_file_and_every_file_of_a_folder_is_checked(journal: Path) -> None:
    text = journal.read_text()
    journal.write_text(f"{text}\n\n{text}\n")
    (journal.parent / "deeper").mkdir()
    (journal.parent / "deeper" / "again.jsonl").write_text(text)

    found = check_journal(journal.parent, trips("reserve"))

    assert [(finding.path.rpartition("/")[2], finding.line) for finding in found] == [
        ("again.jsonl", 6),
        ("run.jsonl", 6),
        ("run.jsonl", 15),
    ]


def test_a_workflow_that_is_gone_is_told(journal: Path) -> None:
    (finding,) = check_journal(journal, perdure.Registry())

    assert str(finding).startswith(f"{journal}:1: registry: no workflow 'plan' in this code")


def test_an_app_is_found_in_its_module(journal: Path) -> None:
    module = types.ModuleType("shop")
    vars(module).update(app=trips(), same=trips("reserve"), number=3)

    (finding,) = check_journal(journal, module)

    assert finding.problem == "2 different workflows are called 'plan'"
    assert finding.remedy == "say which: MODULE:APP"


@pytest.mark.parametrize(("target", "faults"), [("shop_x:app", 0), ("shop_x:later", 1)])
def test_a_module_is_imported_by_its_name(
    journal: Path, monkeypatch: pytest.MonkeyPatch, target: str, faults: int
) -> None:
    module = types.ModuleType("shop_x")
    vars(module).update(app=trips(), later=trips("reserve"))
    monkeypatch.setitem(sys.modules, "shop_x", module)

    assert len(check_journal(journal, target)) == faults


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("no_such_module", "module 'no_such_module': cannot be imported from here: No module"),
        ("json", r"module 'json': has no App or Registry \(it has: none\)"),
        ("json:app", "has no App or Registry 'app'"),
    ],
)
def test_a_module_that_will_not_do_is_told(journal: Path, target: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        check_journal(journal, target)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("", 0, "it has no entries"),
        ('{"k":"WorkflowStarted"', 1, "not an entry of a journal"),
        ("\n\n[]", 3, "not an entry of a journal"),
        ('{"k":"Started","at_us":1}', 1, "not an entry of a journal"),
        ('{"k":"WorkflowStarted","v":99,"at_us":1}', 1, "version 99 of the format"),
        (encode_journal([TimerFired(at_us=1, id=1)]), 1, "begins with its WorkflowStarted"),
    ],
)
def test_what_is_no_journal_is_told_by_its_line(
    tmp_path: Path, text: str, line: int, problem: str
) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_text(text)

    (finding,) = check_journal(path, trips())

    assert (finding.rule, finding.line) == ("journal", line)
    assert problem in finding.problem


def test_a_file_or_folder_without_a_journal_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no such file; write one: perdure hist"):
        check_journal(tmp_path / "none.jsonl", trips())
    with pytest.raises(ConfigurationError, match=r"no \*\.jsonl journals in this folder"):
        check_journal(tmp_path, trips())


def test_a_start_whose_arguments_do_not_fit_the_code_diverges(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    started = WorkflowStarted(
        at_us=1, instance_id="a", run_id="r", workflow="plan", arguments="[]", seed="s"
    )
    path.write_text(encode_journal([started]))

    (finding,) = check_journal(path, trips())

    assert "recorded nothing more, but the code now asks for Failed" in finding.problem
