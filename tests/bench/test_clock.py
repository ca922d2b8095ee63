"""The clock of pytest-benchmark, which goes on by what sides say."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

INTERRUPTED = """
from perdure_bench.bench import Bench

def interrupt():
    raise KeyboardInterrupt

def test_it(benchmark):
    Bench(None, None, benchmark).clocked(interrupt, rounds=1)
"""


def test_an_interruption_in_a_first_round_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(INTERRUPTED)
    options = ("-c", os.devnull, "-p", "pytest_benchmark.plugin", "--benchmark-json=raw.json")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "test_it.py", f"--rootdir={tmp_path}", *options],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "KeyboardInterrupt" in done.stdout
    assert "collected 1 item" in done.stdout
    assert "min()" not in done.stdout + done.stderr
