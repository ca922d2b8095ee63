"""Run the tests of the Dapr plugin on the SDK before 1.19, which is in a package of its own.

``dapr`` 1.19 contains ``dapr.ext.workflow``; before it ``dapr-ext-workflow`` does, and the two must
never be installed together. So this is an environment of its own, below ``.venv``.
"""

from __future__ import annotations

import subprocess
import sys

from scripts.environments import ROOT, Editable, environment

PLUGIN = ROOT / "plugins" / "perdure-dapr"
PINS = ("dapr==1.18.3", "dapr-ext-workflow==1.18.3")


def main() -> int:
    """Test; return pytest's exit code."""
    python = environment(
        "dapr-1.18",
        interpreter=sys.executable,
        editable=[Editable(ROOT), Editable(PLUGIN)],
        pins=PINS,
    )
    version = "import importlib.metadata as m; print(m.version('dapr-ext-workflow'))"
    found = subprocess.run([python, "-c", version], capture_output=True, text=True, check=True)
    print(f"==> Testing the Dapr plugin on dapr-ext-workflow {found.stdout.strip()}", flush=True)
    command = [str(python), "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider"]
    command += ["-m", "not serial and not sdk_independent", str(PLUGIN / "tests")]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
