"""The demo and the audit as their users run them: processes, on the embedded engine."""

from __future__ import annotations

import io
import json
import signal
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

import demo
import evidence
from environment import Environment
from model import Audit, Decision
from perdure.spi import history as facts
from proof import Kill
from stage import Stage, StageTakenError, taken
from tests.examples.running import QUICK, output, running, runs, wait_until, worker_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(90)  # an audit takes longer the more is installed


def test_demo_survives_its_kill_and_proves_it(tmp_path: Path) -> None:
    with running("demo.py", *QUICK, cwd=tmp_path) as process:
        text = output(process)
    state = tmp_path / ".perdure" / "demo"
    proof = json.loads((state / "proof.json").read_text())
    lines = evidence.read(state / "evidence.jsonl")
    ends = [(line.key, line.attempt) for line in lines if line.phase != "begin"]
    assert process.returncode == 0, text
    assert proof["holds"]
    assert (proof["repeated"], proof["lost"], proof["retried"]) == (0, 0, 2)
    assert 0 < proof["finished_before_kill"] < proof["finished"]
    assert proof["restarted"] >= 1
    assert len({line.pid for line in lines}) == 2
    assert len(ends) - len(set(ends)) == proof["uncommitted"]
    assert not any(runs(line.pid) for line in lines)
    assert "The proof holds" in (state / "report.html").read_text(encoding="utf-8")


def test_demo_in_a_pipe_is_plain_lines_of_80_columns_and_runs_again(tmp_path: Path) -> None:
    for _ in range(2):
        with running("demo.py", *QUICK, "--fail", "", cwd=tmp_path) as process:
            text = output(process)
        assert process.returncode == 0, text
    proof = json.loads((tmp_path / ".perdure" / "demo" / "proof.json").read_text())
    assert proof["retried"] == 0
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "\x1b" not in text
    assert "\r" not in text
    for words in ("SIGKILL to worker", "goes on,", "needs a human", "repeated after having"):
        assert words in text


def test_demo_stops_everything_on_ctrl_c(tmp_path: Path) -> None:
    with running("demo.py", cwd=tmp_path) as process:
        worker = worker_of(tmp_path / ".perdure" / "demo")
        process.send_signal(signal.SIGINT)
        text = output(process)
    assert process.returncode == 130, text
    assert "Interrupted" in text
    assert "Traceback" not in text
    assert not runs(worker)


def test_the_worker_ends_by_itself_if_the_demo_is_killed(tmp_path: Path) -> None:
    with running("demo.py", cwd=tmp_path) as process:
        worker = worker_of(tmp_path / ".perdure" / "demo")
        process.kill()
        process.wait()
        wait_until(lambda: not runs(worker))


def test_demo_says_when_the_worker_cannot_run(tmp_path: Path) -> None:
    with running("demo.py", cwd=tmp_path, PERDURE_BACKEND="nonsense") as process:
        text = output(process)
    assert process.returncode == 1
    assert "nonsense" in text
    assert "Traceback" not in text


def test_demo_refuses_a_name_that_is_not_installed(tmp_path: Path) -> None:
    with running("demo.py", "--fail", "no-such-thing", cwd=tmp_path) as process:
        text = output(process)
    assert process.returncode == 2
    assert "no-such-thing" in text


def test_audit_alone_goes_on_after_being_killed(tmp_path: Path) -> None:
    variables = {
        "PERDURE_BACKEND": f"sqlite:///{tmp_path / 'hub.db'}",
        evidence.VARIABLE: str(tmp_path / "evidence.jsonl"),
    }
    with running("audit.py", "--pace", "0.1", cwd=tmp_path, **variables) as process:
        wait_until(lambda: len(evidence.read(tmp_path / "evidence.jsonl")) > 12)
    with running("audit.py", cwd=tmp_path, **variables) as process:
        text = output(process)
    lines = evidence.read(tmp_path / "evidence.jsonl")
    finished = [line.key for line in lines if line.phase == "end"]
    assert process.returncode == 0, text
    assert "going on with it" in text
    assert len({line.key.rpartition(":")[0] for line in lines}) == 1  # one run, two processes
    assert len(finished) - len(set(finished)) <= 4  # at most those in flight
    assert "<h1>Licence audit</h1>" in (tmp_path / "licences.html").read_text(encoding="utf-8")


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    with taken(tmp_path), pytest.raises(StageTakenError), taken(tmp_path):
        pass
    with taken(tmp_path):
        pass


def test_a_doctored_evidence_file_fails_the_demo(tmp_path: Path) -> None:
    at = datetime(2024, 5, 1, tzinfo=UTC)
    audit = Audit(
        environment=Environment(folder="~", python="3.11.0", distributions=()),
        findings=(),
        changed=(),
        decision=Decision(is_approved=True, by="somebody"),
        started_at=at,
        decided_at=at,
    )
    stage = Stage(folder=tmp_path)
    ran = [("begin", 1, 10), ("end", 1, 19), ("begin", 2, 40), ("end", 2, 49)]
    console = Console(file=io.StringIO(), width=80)
    codes = []
    for more in ([], [("begin", 1, 60)]):
        stage.evidence.unlink(missing_ok=True)
        for phase, number, at_us in ran + more:
            pid = 1 if at_us < 30 else 2
            line = evidence.Line(
                phase=phase,  # type: ignore[arg-type]  # a tuple's str
                activity="read",
                key=f"i:r:{number}",
                attempt=1,
                pid=pid,
                at_us=at_us,
            )
            evidence.append(stage.evidence, line)
        kill = Kill(pid=1, at_us=30)
        codes.append(demo.conclude(stage, audit, _history_of_two(), kill, console))
    assert codes == [0, 1]
    assert json.loads(stage.proof.read_text())["repeated"] == 1
    assert "The proof fails" in stage.report.read_text(encoding="utf-8")


def _history_of_two() -> list[facts.HistoryEvent]:
    started = facts.WorkflowStarted(
        at_us=0, instance_id="i", run_id="r", workflow="w", arguments="{}", seed="s"
    )
    events: list[facts.HistoryEvent] = [started]
    for number, at_us in ((1, 5), (2, 35)):
        events += [
            facts.ActivityScheduled(at_us=at_us, id=number, name="read", arguments="{}"),
            facts.ActivityCompleted(at_us=at_us + 15, id=number, result="0"),
        ]
    return [*events, facts.Completed(at_us=50, result="0")]
