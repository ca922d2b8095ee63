"""The agents of the examples without the demo: plain, and durable by hand."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

import pytest

from examples.shared import journal
from tests.examples.modules import perdure, running_module
from tests.examples.running import output, wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(120)
PATIENCE_SECONDS = 100.0


def _refunds(tmp_path: Path) -> list[tuple[int, int]]:
    shop = sqlite3.connect(tmp_path / ".perdure" / "support_agent" / "files" / "shop.db")
    try:
        return shop.execute("SELECT order_id, euros FROM refunds").fetchall()
    finally:
        shop.close()


@pytest.mark.parametrize(
    ("answer", "refunds", "said"), [("y", [(1042, 48)], "refunded"), ("n", [], "may not refund")]
)
def test_the_plain_agent_refunds_what_is_approved_on_the_terminal(
    answer: str, refunds: list[tuple[int, int]], said: str, tmp_path: Path
) -> None:
    with running_module("examples.support_agent.agent", cwd=tmp_path) as process:
        text = process.communicate(f"{answer}\n", timeout=PATIENCE_SECONDS)[0]
    assert process.returncode == 0, text
    assert said in text
    assert "Traceback" not in text
    assert _refunds(tmp_path) == refunds


def test_the_plain_team_writes_its_report(tmp_path: Path) -> None:
    with running_module("examples.research_team.agent", cwd=tmp_path) as process:
        text = output(process, seconds=PATIENCE_SECONDS)
    assert process.returncode == 0, text
    assert (tmp_path / ".perdure" / "research_team" / "files" / "report.md").exists()


def test_the_durable_agent_killed_while_it_awaits_an_approval_goes_on_from_there(
    tmp_path: Path,
) -> None:
    path = tmp_path / "tools.jsonl"
    recorded = {"AGENT_EXAMPLE_JOURNAL": str(path)}

    def waiting() -> list[str]:
        found = json.loads(perdure("approvals", "list", "-o", "json", cwd=tmp_path))
        return [each["id"] for each in found]

    with running_module("examples.support_agent.durable", cwd=tmp_path, **recorded):
        wait_until(lambda: (tmp_path / ".perdure" / "perdure.db").exists(), seconds=60)
        wait_until(lambda: bool(waiting()), seconds=PATIENCE_SECONDS)
    (approval,) = waiting()  # nobody runs it: the record is there
    with running_module("examples.support_agent.durable", cwd=tmp_path, **recorded) as process:
        perdure("approvals", "approve", approval, "--by", "ann", "--timeout", "30s", cwd=tmp_path)
        text = output(process, seconds=PATIENCE_SECONDS)
    began = [line.tool for line in journal.read(path) if line.phase == "begin"]
    assert process.returncode == 0, text
    assert "48 euros are refunded" in text
    assert began == ["find_orders", "look_up_order", "refund_rules", "refund"]
    assert _refunds(tmp_path) == [(1042, 48)]
