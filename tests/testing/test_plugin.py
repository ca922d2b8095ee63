"""The pytest plugin, as the users of perdure load it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TESTS = """
import asyncio
import pytest

@pytest.fixture
def five():
    return 5

async def test_passes(five, manual_clock):
    await asyncio.sleep(0)
    assert five == 5 and manual_clock.now.year == 2026

@pytest.mark.parametrize("number", [1, 2])
async def test_fails_for_two(number):
    assert number == 1

class TestInAClass:
    async def test_passes(self, five):
        assert five == 5
"""


def test_runs_async_tests_with_their_fixtures(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "perdure.testing.plugin"]
    command += ["-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]

    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)

    assert "1 failed, 3 passed" in done.stdout
    assert "FAILED test_mine.py::test_fails_for_two[2]" in done.stdout
