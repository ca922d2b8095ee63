"""Replay, the conformance kit, settings and backends, on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from perdure.spi.backend import Capability
from tests.cli.command_line import FLOWS, CommandLine

if TYPE_CHECKING:
    from pathlib import Path

# Each test runs several processes.
pytestmark = pytest.mark.timeout(90)

_LIMITED = """
from perdure.embedded.backend import EmbeddedBackend
from perdure.embedded import create_backend
from perdure.spi import Backend, Capability


def make(url, *, clock=None):
    made = create_backend(url.replace("limited", "sqlite"), clock=clock)
    for name in ("suspend", "resume", "query"):
        setattr(made, name, getattr(Backend, name).__get__(made))
    made.__class__ = Limited
    return made


class Limited(EmbeddedBackend):
    name = "limited"

    @property
    def capabilities(self):
        return super().capabilities - {Capability.SUSPEND, Capability.QUERY}

    suspend, resume, query = Backend.suspend, Backend.resume, Backend.query
"""


@pytest.fixture
def limited(tmp_path: Path) -> CommandLine:
    """Return a command line on an installed backend that can neither list nor suspend."""
    site = tmp_path / "site"
    info = site / "perdure_limited-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: perdure-limited\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[perdure.backends]\nlimited = limited_backend:make\n")
    (site / "limited_backend.py").write_text(_LIMITED)
    url = f"limited:///{tmp_path}/hub.db"
    return CommandLine(url=url, folder=tmp_path, variables={"PYTHONPATH": str(site)})


def test_what_a_backend_cannot_do_ends_with_6(limited: CommandLine) -> None:
    limited.ok("start", "echo", "--id", "a")
    for words in (["list"], ["suspend", "a"], ["resume", "a"], ["purge", "--status", "failed"]):
        done = limited(*words, "--yes")
        assert (done.code, done.out) == (6, "")
        assert "limited" in done.err
        assert "perdure backends capabilities" in done.err


def test_backends_are_listed_without_being_loaded(limited: CommandLine) -> None:
    (limited.folder / "site" / "limited_backend.py").write_text("raise ImportError")
    records = limited.ok("backends", "list", "-o", "json").json()
    assert {"name": "limited", "package": "perdure-limited", "version": "1.2"}.items() <= next(
        record for record in records if record["name"] == "limited"
    ).items()
    assert limited("list").code == 3
    assert "in use" in limited.ok("backends", "list").out


def test_capabilities_are_shown_for_each(limited: CommandLine) -> None:
    (record,) = limited.ok("backends", "capabilities", "-o", "json").json()
    assert [name for name, is_there in record["capabilities"].items() if not is_there] == [
        "suspend",
        "query",
    ]
    table = limited.ok("backends", "capabilities", "sqlite").lines
    assert len(table) == 1 + len(Capability)


def test_a_backend_that_is_well_is_checked(alone: CommandLine) -> None:
    (record,) = alone.ok("backends", "check", "-o", "json").json()
    assert record["is_healthy"] is True


def test_settings_are_shown_with_their_sources(alone: CommandLine) -> None:
    (alone.folder / "perdure.toml").write_text('[profiles.p]\nhub = "mine"\n')
    lines = alone.ok("--profile", "p", "config", "show", "-o", "jsonl").lines
    shown = {line["name"]: line for line in map(json.loads, lines)}
    assert (shown["backend"]["value"], shown["backend"]["source"]) == (
        alone.url,
        "PERDURE_BACKEND",
    )
    assert shown["profile"]["source"] == "--profile"
    assert (shown["hub"]["value"], "perdure.toml" in shown["hub"]["source"]) == ("mine", True)
    assert "--backend" in alone.ok("-b", "sqlite", "config", "show").out


@pytest.fixture(scope="class")
def journal(worker: CommandLine) -> Path:
    """Return the journal of an instance that has ended."""
    worker.ok("start", "plan_trip", "-i", '{"cities": ["Oslo"]}', "--id", "a", "--wait")
    path = worker.folder / "a.jsonl"
    path.write_text(worker.ok("history", "a", "--raw").out, encoding="utf-8")
    return path


class TestReplay:
    """``perdure replay`` of what ``perdure history --raw`` wrote."""

    def test_the_same_code_replays(self, worker: CommandLine, journal: Path) -> None:
        done = worker.ok("replay", str(journal), f"{FLOWS}:app", "--strict")
        assert done.out == ""
        assert "replays as recorded" in done.err

    def test_changed_code_is_found_and_ends_with_1(
        self, worker: CommandLine, journal: Path
    ) -> None:
        text = FLOWS.read_text(encoding="utf-8")
        text = text.replace("import asyncio", "import asyncio\nimport random")
        text = text.replace("sleep(0.05)", "sleep(random.random())")
        (worker.folder / "changed.py").write_text(text, encoding="utf-8")
        done = worker("replay", str(journal), "changed", "--strict")
        assert done.code == 1
        assert "a.jsonl:" in done.out
        assert "changed.py:" in done.out
        findings = worker("replay", "a.jsonl", "changed", "--strict", "-o", "json").json()
        assert {finding["rule"] for finding in findings} == {"replay", "random"}

    def test_a_file_that_is_no_journal_is_named(self, worker: CommandLine, journal: Path) -> None:
        (worker.folder / "odd.jsonl").write_text("hello\n")
        done = worker("replay", "odd.jsonl", str(FLOWS))
        assert done.code == 1
        assert "odd.jsonl:1" in done.out


@pytest.mark.timeout(90)
def test_the_kit_holds_the_embedded_engine_to_a_contract(alone: CommandLine) -> None:
    done = alone("conformance", "--only", "Purge", "--report", "report.json", "-o", "json")
    assert done.code == 0, done.err
    ((contract, failed),) = [(each["contract"], each["failed"]) for each in done.json()]
    assert (contract, failed) == ("Purge", 0)
    assert json.loads((alone.folder / "report.json").read_text())["backends"]
