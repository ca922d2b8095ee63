"""Test the benchmarks of peers with the peers' own packages and server.

They are in an environment of their own, below ``.venv``, and Restate's server in the user's cache.
"""

from __future__ import annotations

import os
import subprocess
import sys

from perdure_bench.peers.restate_server import PACKAGE, PROGRAM, VARIABLE, VERSION

from scripts.environments import ROOT, Editable, environment
from tests.npm_packages import npm_package, why_not

_SCRIPT = f".bin/{PROGRAM}"
TESTS = ROOT / "tests" / "bench" / "test_peers.py"


def main() -> int:
    """Test; return pytest's exit code."""
    reason = why_not(PACKAGE, VERSION, program=_SCRIPT)
    if reason:
        print(f"Benchmarks of peers: NOT checked; {reason}", flush=True)
        return 0
    python = environment(
        "peers",
        interpreter=sys.executable,
        editable=[Editable(ROOT), Editable(ROOT / "benchmarks", extra="peers")],
    )
    print("==> Testing the benchmarks of peers on DBOS and Restate", flush=True)
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", str(TESTS)]
    server = str(npm_package(PACKAGE, VERSION, program=_SCRIPT))
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, VARIABLE: server}, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
