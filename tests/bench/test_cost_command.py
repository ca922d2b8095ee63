"""``perdure cost`` as it is typed."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest
from perdure_bench.cells import Cell, Found
from perdure_bench.run_folder import RunFolder

import perdure
from perdure.cli.program import run
from tests.bench.runs import run_of
from tests.cli.command_line import Done

if TYPE_CHECKING:
    from pathlib import Path

PER_INSTANCE = ("--actions-per-instance", "83", "--instances-per-month", "100000")

registry = perdure.Registry()


@registry.activity
async def act(number: int) -> int:
    """Give the number back."""
    return number


@registry.workflow
async def sequence() -> None:
    """Run three activities."""
    for number in range(3):
        await act(number)


@registry.workflow
async def with_child() -> None:
    """Have a child run them."""
    await sequence()


@registry.workflow
async def waiting() -> None:
    """Wait for what does not come."""
    await perdure.wait_for_event("go")


async def fill(url: str) -> None:
    """Have two workflows and a child end on a hub, and one not."""
    app = perdure.App("paid", backend=url)
    app.include(registry)
    async with app.run() as client:
        for workflow in (sequence, with_child):
            await (await client.start(workflow, instance_id=workflow.name)).result()
        await client.start(waiting)


class InProcess:
    """Runs ``perdure`` in this process, in a folder of its own."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        monkeypatch.chdir(folder)

    def __call__(self, *words: str) -> Done:
        """Run a command to its end."""
        self._monkeypatch.setattr(sys, "argv", ["perdure", *words])
        code = run()
        out, err = self._capsys.readouterr()
        return Done(code=code, out=out, err=err)


@pytest.fixture
def cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> InProcess:
    return InProcess(tmp_path, monkeypatch, capsys)


def test_without_prices_it_says_what_it_needs_and_where_that_stands(cost: InProcess) -> None:
    done = cost("cost", *PER_INSTANCE)
    assert (done.code, "actions a month       8,300,000" in done.lines) == (0, True), done.err
    for words in (
        "--price-per-million-actions",
        "https://azure.microsoft.com/pricing/details/durable-task-scheduler/",
        "https://prices.azure.com/api/retail/prices",
        "it needs --run",
    ):
        assert words in done.err


def test_prices_of_a_file_make_money_and_a_chart(cost: InProcess) -> None:
    (cost.folder / "perdure.toml").write_text(
        '[cost]\nprice_per_million_actions = 10\nprice_per_unit_hour = 1\ncurrency = "EUR"\n'
    )
    done = cost("cost", *PER_INSTANCE)
    assert done.code == 0, done.err
    (row,) = (line for line in done.lines if line.startswith("DTS Consumption "))
    assert row.split()[-1] == "83.00"
    assert "A MONTH, EUR" in done.out
    words = "DTS Dedicated is cheaper than DTS Consumption from 879,518 instances a month on."
    assert words in done.lines
    assert any("instances a month (^ yours)" in line for line in done.lines)
    # Other commands have no quarrel with the table.
    assert cost("config", "show").code == 0


def test_a_hub_says_what_its_finished_instances_cost(cost: InProcess) -> None:
    url = f"sqlite:///{cost.folder / 'paid.db'}"
    asyncio.run(fill(url))
    done = cost("cost", "--from", url, "-o", "json", "--price-per-million-actions", "10")
    assert done.code == 0, done.err
    found = done.json()
    # 7 and 2, and 7 of the child.
    assert "journals of 3 finished instances" in found["usage"]["source"]
    assert "16 actions by the billing page, 16 by" in found["usage"]["source"]
    assert found["usage"]["published"] == pytest.approx(16 / 3)
    assert found["usage"]["instances_per_month"] > 1_000
    assert "a month is taken from" in done.err
    one = cost("cost", "--from", url, "--limit", "1", "--instances-per-month", "5")
    assert "the newest 1 only" in one.err
    of_name = cost("cost", "--from", url, "--name", "sequence", "--instances-per-month", "5")
    assert of_name.lines[0].startswith("actions per instance  7  ")

    raw = cost("-b", url, "history", "sequence", "--raw").out
    (cost.folder / "a.jsonl").write_text(raw)
    text = cost("-b", url, "history", "with_child", "-o", "jsonl").out
    (cost.folder / "b.jsonl").write_text(text)
    files = ("--journal", "a.jsonl", "--journal", "b.jsonl")
    done = cost("cost", *files, "--instances-per-month", "2")
    assert done.lines[0] == "actions per instance  4.5  (2 journals)", done.err


def test_a_pattern_is_that_of_a_run(cost: InProcess) -> None:
    cell = Cell(suite="actions", workload="timer", backend="azure", way="native")
    figures = {"actions.published": 2.0, "actions.metrics": 3.0}
    folder = RunFolder(cost.folder / "run")
    folder.begin(run_of([]))
    folder.add(Found(cell=cell, unit="actions", samples=[2.0], figures=figures))
    of_run = ("cost", "--run", "run", "--instances-per-month", "10", "--pattern", "timer")
    done = cost(*of_run, "--way", "native")
    assert done.lines[0].startswith("actions per instance  2 to 3  "), done.err
    other = cost(*of_run)
    assert (other.code, "no pattern 'timer' of the way 'perdure'" in other.err) == (4, True)


def test_what_is_not_there_is_told_by_the_exit_code(cost: InProcess) -> None:
    empty = cost("cost", "--from", "sqlite:///empty.db")
    assert (empty.code, "no finished instances in sqlite:///empty.db" in empty.err) == (4, True)
    unreachable = cost("cost", "--from", "azure://127.0.0.1:9/default")
    assert (unreachable.code, "cannot be reached" in unreachable.err) == (3, True)
    no_run = cost("cost", "--run", "none", *PER_INSTANCE)
    assert (no_run.code, "no run of perdure bench" in no_run.err) == (4, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "There is no count of actions"),
        ((*PER_INSTANCE, "--from", "sqlite"), "--actions-per-instance and --from: one of them"),
        (("--actions-per-instance", "3"), "how many instances there are is not known"),
        (("--actions-per-instance", "0", "--instances-per-month", "1"), "a number above 0, got 0"),
        (("--actions-per-instance", "1", "--instances-per-month", "nan"), "above 0, got nan"),
        ((*PER_INSTANCE, "--peak-factor", "0.5"), "a number from 1 on, got 0.5"),
        ((*PER_INSTANCE, "--price-per-unit-hour", "-1"), "a number from 0 on, got -1"),
        (("--pattern", "timer", "--instances-per-month", "1"), "--pattern is of a run"),
        (("--journal", "none.jsonl", "--instances-per-month", "1"), "none.jsonl"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    cost: InProcess, words: tuple[str, ...], told: str
) -> None:
    done = cost("cost", *words)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
