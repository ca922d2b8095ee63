"""The demos of agents as their users run them: processes, on the embedded engine."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from examples.shared import journal, stage
from examples.support_agent.model import TRANSCRIPT
from perdure.testing.scripted_model import MODEL, scripted_model_process
from tests.examples.modules import EXAMPLES, QUICK, running_module
from tests.examples.running import output, runs, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Two workers, one after the other, import a whole framework first.
pytestmark = pytest.mark.timeout(120)
PATIENCE_SECONDS = 100.0

# Runs the demo, and at its end writes into the journal that the first call has begun once more.
DOCTORED = """\
import sys
from examples.shared import demo
from examples.support_agent.demo import SCENE

def conclude(act, taken, *rest):
    with taken.journal.open("r+") as file:
        first = file.readline()
        file.seek(0, 2)
        file.write(first)
    return honest(act, taken, *rest)

honest, demo.conclude = demo.conclude, conclude
sys.exit(demo.run_demo(SCENE))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """A demo that has come to its end."""

    code: int
    text: str
    state: Path

    @property
    def proof(self) -> Any:
        return json.loads((self.state / "proof.json").read_text())

    @property
    def lines(self) -> list[journal.Line]:
        return journal.read(self.state / "tools.jsonl")


@pytest.fixture(scope="module")
def run_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Demo]:
    """Run a demo, once for all tests that look at what it left."""

    @cache
    def run(example: str) -> Demo:
        folder = tmp_path_factory.mktemp(example)
        with running_module(f"examples.{example}.demo", *QUICK, cwd=folder) as process:
            text = output(process, seconds=PATIENCE_SECONDS)
        return Demo(code=process.returncode, text=text, state=folder / ".perdure" / example)

    return run


def _first_worker(example: str, tmp_path: Path) -> int:
    path = tmp_path / ".perdure" / example / "tools.jsonl"
    wait_until(lambda: bool(journal.read(path)), seconds=PATIENCE_SECONDS)
    return journal.read(path)[0].pid


@pytest.mark.parametrize(("example", "calls"), [("support_agent", 9), ("research_team", 23)])
def test_demo_survives_its_kill_and_proves_it(
    example: str, calls: int, run_of: Callable[[str], Demo]
) -> None:
    demo = run_of(example)
    assert demo.code == 0, demo.text
    assert demo.proof["holds"]
    assert (demo.proof["repeated"], demo.proof["lost"]) == (0, 0)
    assert 0 < demo.proof["finished_before_kill"] < demo.proof["calls"] == calls
    assert demo.proof["restarted"] >= 1
    assert len({line.pid for line in demo.lines}) == 2
    assert not any(runs(line.pid) for line in demo.lines)


@pytest.mark.parametrize("example", EXAMPLES)
def test_demo_in_a_pipe_is_plain_lines_of_80_columns_and_names_the_scripted_model(
    example: str, run_of: Callable[[str], Demo]
) -> None:
    text = run_of(example).text
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "\x1b" not in text
    for words in (
        "model: a scripted model, no real one",
        "SIGKILL to worker",
        "goes on,",
        "repeated after having finished",
        "from the kill to the next call",
    ):
        assert words in text


def test_the_refund_waits_for_the_approval_by_command_and_is_made_once(
    run_of: Callable[[str], Demo],
) -> None:
    demo = run_of("support_agent")
    shop = sqlite3.connect(demo.state / "files" / "shop.db")
    refunds = shop.execute("SELECT order_id, euros FROM refunds").fetchall()
    shop.close()
    began = [line.tool for line in demo.lines if line.phase == "begin"]
    assert refunds == [(1042, 48)]
    assert began.count("refund") == 1
    assert "the shop has 1 refund" in demo.text
    assert demo.text.index("$ perdure approvals approve") < demo.text.index("s  answered")


def test_the_report_quotes_the_documents_of_this_repository(run_of: Callable[[str], Demo]) -> None:
    report = run_of("research_team").state / "files" / "report.md"
    words = report.read_text(encoding="utf-8")
    for quoted in ("`asyncio.sleep` and `asyncio.timeout` are durable", "never lost", "SIGKILL"):
        assert quoted in words
    assert "Written by a scripted model" in words


def test_a_doctored_journal_fails_the_demo(tmp_path: Path) -> None:
    script = tmp_path / "doctored.py"
    script.write_text(DOCTORED, encoding="utf-8")
    with running_module(script, *QUICK, cwd=tmp_path) as process:
        text = output(process, seconds=PATIENCE_SECONDS)
    assert process.returncode == 1, text
    assert "The proof fails: 1 called again after having finished" in text


async def test_with_a_key_and_a_model_the_demo_asks_that_one_and_counts_tools(
    tmp_path: Path,
) -> None:
    # No real model: a scripted one, reached by the variables that OpenAI's client reads.
    async with scripted_model_process(TRANSCRIPT, log=tmp_path / "log.jsonl") as model:
        variables = {"OPENAI_API_KEY": "none", "OPENAI_MODEL": MODEL, "OPENAI_BASE_URL": model.url}
        with running_module(
            "examples.support_agent.demo", *QUICK, cwd=tmp_path, **variables
        ) as process:
            text = await asyncio.to_thread(output, process, seconds=PATIENCE_SECONDS)
        assert process.returncode == 0, text
        assert len(model.requests()) >= 5
    assert f"model: {MODEL}, by OpenAI's API" in text
    assert "4  tool calls (a real model has no log)" in text
    assert not (tmp_path / ".perdure" / "support_agent" / "scripted-model.jsonl").exists()


def test_demo_stops_everything_on_ctrl_c(tmp_path: Path) -> None:
    with running_module("examples.research_team.demo", cwd=tmp_path) as process:
        worker = _first_worker("research_team", tmp_path)
        process.send_signal(signal.SIGINT)
        text = output(process)
    assert process.returncode == 130, text
    assert "Interrupted" in text
    assert "Traceback" not in text
    assert not runs(worker)


def test_the_worker_ends_by_itself_if_the_demo_is_killed(tmp_path: Path) -> None:
    with running_module("examples.research_team.demo", cwd=tmp_path) as process:
        worker = _first_worker("research_team", tmp_path)
        process.kill()
        process.wait()
        wait_until(lambda: not runs(worker))


def test_demo_says_when_the_worker_cannot_run(tmp_path: Path) -> None:
    nowhere = {"PERDURE_BACKEND": "nonsense"}
    with running_module("examples.support_agent.demo", cwd=tmp_path, **nowhere) as process:
        text = output(process, seconds=PATIENCE_SECONDS)
    assert process.returncode == 1
    assert "nonsense" in text
    assert "Traceback" not in text


def test_demo_says_which_backends_there_are(tmp_path: Path) -> None:
    command = ("--backend", "dpar")
    with running_module("examples.support_agent.demo", *command, cwd=tmp_path) as process:
        text = output(process)
    assert process.returncode == 2
    assert "there are: sqlite, azure, dapr" in text
    assert not (tmp_path / ".perdure").exists()


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    with stage.taken(tmp_path), pytest.raises(stage.StageTakenError), stage.taken(tmp_path):
        pass
    with stage.taken(tmp_path):
        pass
