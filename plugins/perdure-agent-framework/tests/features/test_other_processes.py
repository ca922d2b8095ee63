"""A workflow goes on in another process, whose sets have other orders."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent_kit.scenarios import Setup
from agent_kit.ways import WORKFLOW, app_of, plain_and_durable
from features import busy_day
from perdure.spi.history import Completed
from perdure.spi.journal import encode_journal
from perdure.testing.scripted_model import ScriptedModel
from tests.driving import ORDERS, driver_of
from tests.soak import IS_SOAK

if TYPE_CHECKING:
    from collections.abc import Iterator

FEW = 4


@pytest.mark.soak
@pytest.mark.timeout(3_600 if IS_SOAK else 120)
async def test_something_of_everything_at_once() -> None:
    async with ScriptedModel(busy_day.RULES) as model:
        played = await plain_and_durable(busy_day.build, model.url, orders=ORDERS if IS_SOAK else 1)
    assert len(played.model_calls) > 20


async def test_strict_replays_in_processes_with_other_hash_seeds(tmp_path: Path) -> None:
    async with ScriptedModel(busy_day.RULES) as model:
        driver = driver_of(app_of(busy_day.build(Setup(url=model.url))), random.Random(0))
        driver.rebuilds = 0
        for order in range(FEW):
            ended = await driver.run(WORKFLOW)
            assert isinstance(ended, Completed), ended
            journal = encode_journal(driver.journal)
            (tmp_path / f"{order}.jsonl").write_text(journal, encoding="utf-8")
    processes = [_replaying(tmp_path, seed) for seed in ("0", "1", "4294967295")]
    said = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], said


def _replaying(journals: Path, hash_seed: str) -> subprocess.Popen[str]:
    paths = os.pathsep.join([str(Path(__file__).parents[1]), *_importable()])
    return subprocess.Popen(
        [sys.executable, "-m", "features.busy_day", str(journals)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _importable() -> Iterator[str]:
    yield from [os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else []
