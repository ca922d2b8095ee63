"""Workers of the property tests: fresh processes that play cases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.replay.program_driver import Case

ROOT = Path(__file__).resolve().parents[2]


class WorkerProcess:
    """One process of any Python; a case goes in, the digest of its journal comes out."""

    def __init__(
        self, *options: str, hash_seed: int = 0, interpreter: str = sys.executable
    ) -> None:
        environment = {
            **os.environ,
            "PYTHONHASHSEED": str(hash_seed),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
        }
        self._process = subprocess.Popen(
            [interpreter, "-m", "tests.replay.program_worker", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd=ROOT,
            text=True,
        )

    def answer(self, case: Case) -> Any:
        """Return what the worker says of ``case``."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(case.to_json() + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=10)
