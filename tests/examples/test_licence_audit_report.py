"""The reports: a terminal of 80 columns, a pipe, and one HTML file that needs nothing else."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import licences
import page
import report
from declared import Declaration
from display import Show
from environment import Environment
from evidence import Line
from model import Audit, Decision, Phase, Progress, from_status, to_status
from proof import Kill, Proof

if TYPE_CHECKING:
    from pathlib import Path

    from licences import Finding

KILL = Kill(pid=1, at_us=1_500_000)
EVIDENCE = [
    Line(phase="begin", activity="read", key="i:r:1", attempt=1, pid=1, at_us=1_000_000),
    Line(phase="end", activity="read", key="i:r:1", attempt=1, pid=1, at_us=1_200_000),
    Line(phase="begin", activity="read", key="i:r:2", attempt=1, pid=1, at_us=1_300_000),
    Line(phase="begin", activity="read", key="i:r:2", attempt=1, pid=2, at_us=2_000_000),
    Line(phase="end", activity="read", key="i:r:2", attempt=1, pid=2, at_us=2_200_000),
]
_VOID = {"meta", "br", "line", "rect"}


class _Checker(HTMLParser):
    """Collects the tags, and fails where they do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def _finding(name: str = "some", *, expression: str = "MIT", field: str = "") -> Finding:
    declaration = Declaration(name=name, version="1.0", expression=expression, field=field)
    return licences.classify(declaration)


def _audit(*findings: Finding, is_approved: bool = True) -> Audit:
    at = datetime(2024, 5, 1, 12, tzinfo=UTC)
    return Audit(
        environment=Environment(folder="~/venv", python="3.11.0", distributions=()),
        findings=findings,
        changed=(),
        decision=Decision(is_approved=is_approved, by="somebody"),
        started_at=at,
        decided_at=at,
    )


def _proof(*, repeated: int = 0) -> Proof:
    return Proof(
        finished=10,
        finished_before_kill=5,
        repeated=repeated,
        restarted=1,
        uncommitted=0,
        retried=2,
        lost=0,
        resumed_after_ms=512.0,
        timers_across=1,
        timer_late_ms=3.0,
        problems=("1 ran again after having finished",) if repeated else (),
    )


def _printed(audit: Audit, proof: Proof, *, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    report.show_audit(console, audit)
    report.show_proof(console, proof)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_terminal_report_fits_80_columns_and_shows_flags_first() -> None:
    findings = (_finding("aaa"), _finding("z" * 30, expression="GPL-3.0-only AND Apache-2.0"))
    text = _printed(_audit(*findings), _proof())
    assert max(len(line) for line in text.splitlines()) <= 80
    assert text.index("zzz") < text.index("aaa")
    assert "copyleft" in text
    assert "\x1b" not in text


def test_terminal_report_says_whether_the_proof_holds() -> None:
    assert "holds" in _printed(_audit(_finding()), _proof())
    assert "1 ran again after having finished" in _printed(_audit(_finding()), _proof(repeated=1))


def test_a_name_with_rich_markup_is_printed_as_it_is() -> None:
    assert "[red]evil[/]" in _printed(_audit(_finding("[red]evil[/]")), _proof())


def test_progress_in_a_pipe_is_a_line_for_each_phase_and_quarter() -> None:
    console = Console(file=io.StringIO(), width=80)
    with Show(console) as show:
        for done in range(9):
            show.update(Progress(phase=Phase.READING, done=done, total=8))
        show.update(Progress(phase=Phase.WATCHING, done=8, total=8))
    assert isinstance(console.file, io.StringIO)
    lines = [line.split(" s  ")[1] for line in console.file.getvalue().splitlines()]
    reading = [f"reading licences {done}/8" for done in (0, 2, 4, 6, 8)]
    assert lines == [*reading, "watching for changes 8/8"]


def test_progress_survives_the_way_through_a_custom_status() -> None:
    progress = Progress(phase=Phase.APPROVAL, done=1, total=1, flagged=(_finding(expression=""),))
    assert from_status(json.dumps(to_status(progress))) == progress


def test_unasked_approval_shows_what_needs_a_human_first() -> None:
    console = Console(file=io.StringIO(), width=80)
    progress = Progress(phase=Phase.APPROVAL, done=1, total=1, flagged=(_finding(expression=""),))
    decision = Show(console).decide(progress, is_asked=False, by="the demo")
    assert isinstance(console.file, io.StringIO)
    assert decision.is_approved
    assert "missing" in console.file.getvalue()


def test_page_needs_nothing_from_elsewhere() -> None:
    proved = page.proof_section(_proof(), EVIDENCE, KILL)
    text = page.render(_audit(_finding()), proved=proved)
    checker = _Checker()
    checker.feed(text)
    assert not checker.open
    assert not {"script", "link", "img", "iframe"} & set(checker.seen)
    assert not re.search(r"url\(|@import|https?://|src=|href=", text)
    assert "prefers-color-scheme: dark" in text
    assert "$" not in checker.text


def test_page_shows_the_kill_and_the_proof() -> None:
    holds = page.proof_section(_proof(), EVIDENCE, KILL)
    fails = page.proof_section(_proof(repeated=1), EVIDENCE, KILL)
    assert holds.count("<rect") == 3
    assert holds.count('class="cut"') == 1
    assert "The proof holds." in holds
    assert "The proof fails: 1 ran again" in fails


@given(st.text(max_size=30))
def test_what_a_package_says_of_itself_cannot_break_the_page(evil: str) -> None:
    text = page.render(_audit(_finding(f"<script>{evil}</script>", expression="", field=evil)))
    checker = _Checker()
    checker.feed(text)
    assert "script" not in checker.seen


def test_page_is_written_whole_and_again(tmp_path: Path) -> None:
    target = tmp_path / "new" / "report.html"
    for _ in range(2):
        page.write(target, _audit(_finding(), is_approved=False))
    assert "not approved" in target.read_text(encoding="utf-8")
    assert [path.name for path in target.parent.iterdir()] == ["report.html"]
