"""Run the tests of the Dapr plugin on the SDK before 1.19, which is in a package of its own.

``dapr`` 1.19 contains ``dapr.ext.workflow``; before it ``dapr-ext-workflow`` does, and the two must
never be installed together. So this is an environment of its own, below ``.venv``.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLUGIN = ROOT / "plugins" / "perdure-dapr"
FOLDER = ROOT / ".venv" / "dapr-1.18"
PINS = ("dapr==1.18.3", "dapr-ext-workflow==1.18.3")
INSTALLED_FROM = (
    ROOT / "pyproject.toml",
    ROOT / "constraints.txt",
    PLUGIN / "pyproject.toml",
    Path(__file__),
)


def main() -> int:
    """Test; return pytest's exit code."""
    python = environment()
    version = "import importlib.metadata as m; print(m.version('dapr-ext-workflow'))"
    found = subprocess.run([python, "-c", version], capture_output=True, text=True, check=True)
    print(f"==> Testing the Dapr plugin on dapr-ext-workflow {found.stdout.strip()}", flush=True)
    command = [str(python), "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider"]
    command += ["-m", "not serial and not sdk_independent", str(PLUGIN / "tests")]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def environment() -> Path:
    """Return the Python of an environment with that SDK; make it if need be."""
    python, stamp = FOLDER / "bin" / "python", FOLDER / ".installed"
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in INSTALLED_FROM)).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(FOLDER)], check=True)
    constraints = FOLDER / "constraints.txt"
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    kept = [pin for pin in pins if not pin.startswith("dapr==")]
    constraints.write_text("\n".join([*kept, *PINS]) + "\n", encoding="utf-8")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += ["--constraint", str(constraints)]
    subprocess.run([*pip, "setuptools"], check=True)
    editable = ["--editable", f"{ROOT}[test]", "--editable", f"{PLUGIN}[test]"]
    subprocess.run([*pip, "--no-build-isolation", *editable, *PINS], check=True)
    stamp.write_text(wanted)
    return python


if __name__ == "__main__":
    sys.exit(main())
