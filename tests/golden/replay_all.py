"""Replay every golden journal, strictly, under several hash seeds.

::

    python tests/golden/replay_all.py                       # with this Python
    python tests/golden/replay_all.py /path/to/python3.13   # with others

Needs only the standard library and perdure's sources: no installation, no dependency.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

GOLDEN = Path(__file__).resolve().parent
ROOT = GOLDEN.parents[1]
HASH_SEEDS = ("0", "1", "42", "4294967295")
_CHILD = "--once"


def main(arguments: list[str]) -> int:
    """Replay with each interpreter named, or with this one; return how many times it failed."""
    if arguments == [_CHILD]:
        sys.stdout.write(replay_here() + "\n")
        return 0
    interpreters = arguments or [sys.executable]
    return sum(not replay_with(i, seed) for i in interpreters for seed in HASH_SEEDS)


def replay_with(interpreter: str, hash_seed: str) -> bool:
    """Replay in a fresh process; return whether all went well."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [interpreter, "-W", "error", __file__, _CHILD]
    return subprocess.run(command, env=environment, check=False).returncode == 0


def replay_here() -> str:
    """Replay all in this process and return a line that says so.

    Raises:
        NonDeterminismError: A journal does not replay.
    """
    sys.path[:0] = [str(ROOT / "src"), str(ROOT)]
    from perdure._replay import WorkflowExecutor
    from perdure.spi.journal import decode_journal
    from tests.golden.workflows import DEFINITIONS

    for name, definition in DEFINITIONS.items():
        journal = decode_journal((GOLDEN / f"{name}.jsonl").read_text("utf-8"))
        executor = WorkflowExecutor.rebuild(definition, journal, strict=True)
        executor.close()
        if executor.outcome != journal[-1]:
            raise AssertionError(f"{name}: {executor.outcome} is not how the journal ends")
    if "pydantic" in sys.modules:
        raise AssertionError("the replay core imports pydantic")
    seed = os.environ.get("PYTHONHASHSEED", "random")
    return f"{len(DEFINITIONS)} journals replayed by {platform.python_version()}, hash seed {seed}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
