"""The evidence file and the environment it speaks of, both real."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

import pytest

import environment
import evidence
import licences
from evidence import Line

if TYPE_CHECKING:
    from pathlib import Path

LINE = Line(phase="begin", activity="read", key="a:b:1", attempt=1, pid=7, at_us=11)


def test_lines_read_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "evidence.jsonl"
    for _ in range(3):
        evidence.append(path, LINE)
    assert evidence.read(path) == [LINE] * 3


def test_a_line_that_is_still_being_written_is_left_for_later(tmp_path: Path) -> None:
    path = tmp_path / "evidence.jsonl"
    evidence.append(path, LINE)
    with path.open("ab") as file:
        file.write(b'{"phase": "beg')
    assert evidence.read(path) == [LINE]


def test_a_file_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    assert evidence.read(tmp_path / "none") == []


@pytest.mark.parametrize("text", ["{}\n", "[1]\n", "nonsense\n"])
def test_what_is_not_evidence_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "evidence.jsonl"
    path.write_text(text)
    with pytest.raises(ValueError):  # noqa: PT011 - the message is json's or ours
        evidence.read(path)


def test_nothing_is_recorded_without_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(evidence.VARIABLE, raising=False)
    with evidence.recorded():
        pass


def test_every_installed_distribution_is_listed_once_and_classified() -> None:
    listed = environment.look().distributions
    names = [item.name for item in listed]
    assert {"pytest", "hypothesis", "rich"} <= set(names)
    assert len(set(names)) == len(names)
    findings = [licences.classify(environment.read(name)) for name in names]
    assert {finding.name: finding.spdx for finding in findings}["hypothesis"] == "MPL-2.0"


def test_licence_files_are_read_with_the_metadata() -> None:
    declaration = environment.read("pytest")
    assert declaration.version == metadata.version("pytest")
    assert [file.path for file in declaration.files] == ["LICENSE"]
    assert "Permission is hereby granted" in declaration.files[0].text


def test_a_made_up_distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "odd_one-1.0.dist-info"
    (folder / "licenses" / "vendored").mkdir(parents=True)
    (folder / "METADATA").write_text(
        "Metadata-Version: 2.4\nName: odd-one\nVersion: 1.0\nLicense-Expression: MIT\n"
        "License-File: vendored/COPYING\n"
    )
    (folder / "licenses" / "vendored" / "COPYING").write_bytes(b"\xff\xfe not text")
    (folder / "RECORD").write_text(
        "odd_one-1.0.dist-info/METADATA,,\nodd_one-1.0.dist-info/licenses/vendored/COPYING,,\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    finding = licences.classify(environment.read("odd-one"))
    assert (finding.spdx, finding.flags) == ("MIT", ())
    assert [file.path for file in finding.files] == ["vendored/COPYING"]


def test_a_distribution_that_was_removed_meanwhile() -> None:
    with pytest.raises(metadata.PackageNotFoundError):
        environment.read("no-such-distribution")
