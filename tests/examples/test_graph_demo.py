"""The example of a graph, plain and killed in the middle, on the embedded engine."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from examples.claim_processing import documents, payments
from examples.shared import journal
from tests.examples.modules import QUICK, running_module
from tests.examples.running import output, runs

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(120)
PATIENCE_SECONDS = 100.0


def test_demo_survives_its_kill_asks_a_human_and_pays_once(tmp_path: Path) -> None:
    with running_module("examples.claim_processing.demo", *QUICK, cwd=tmp_path) as process:
        text = output(process, seconds=PATIENCE_SECONDS)
    state = tmp_path / ".perdure" / "claim_processing"
    assert process.returncode == 0, text
    proof = json.loads((state / "proof.json").read_text())
    lines = journal.read(state / "tools.jsonl")
    assert proof["holds"]
    assert (proof["repeated"], proof["lost"]) == (0, 0)
    assert 0 < proof["finished_before_kill"] < proof["calls"] == 11
    assert len({line.pid for line in lines}) == 2
    assert not any(runs(line.pid) for line in lines)
    began = Counter(line.tool for line in lines if line.phase == "begin")
    assert (began["review"], began["pay"]) == (2, 1)  # a node that asks runs again when answered
    assert "Claim 17: 615 euros are paid." in text
    assert text.index("$ perdure approvals approve") < text.index("s  answered")
    assert "model" not in text
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80


@pytest.mark.parametrize(
    ("answer", "outcome"), [("y", "615 euros are paid"), ("n", "Claim 17 is refused.")]
)
def test_the_graph_runs_without_perdure(answer: str, outcome: str, tmp_path: Path) -> None:
    with running_module("examples.claim_processing.graph", cwd=tmp_path) as process:
        text = process.communicate(f"{answer}\n", timeout=PATIENCE_SECONDS)[0]
    assert process.returncode == 0, text
    assert outcome in text


def test_a_claim_is_paid_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(payments.FOLDER, str(tmp_path))
    assert payments.pay("17", euros=615) == 615
    assert payments.pay("17", euros=20) == 615
    assert [it.name for it in tmp_path.iterdir()] == ["paid-17.txt"]


def test_a_claim_that_is_not_there_is_named() -> None:
    with pytest.raises(LookupError, match=r"no claim '\.\./17'; there are: 17"):
        documents.names_of("../17")
