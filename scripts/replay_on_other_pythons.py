"""Test replay on the other Pythons that perdure supports, if they are here.

A journal written under one Python must replay under all. The whole test suite runs on one of them;
this runs those of replay and of the golden journals on the others, each in an environment of its
own below ``.venv``, and says which it found.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.environments import ROOT, Editable, environment

SUPPORTED = ("3.11", "3.12", "3.13")
TESTS = ("tests/replay", "tests/golden")


def main() -> int:
    """Test on each interpreter found; return on how many it failed."""
    own = version_of(sys.executable)
    outcomes = [f"{own}: the whole suite, before this"]
    failed = 0
    for version in SUPPORTED:
        if version == own:
            continue
        interpreter = find(version)
        if interpreter is None:
            outcomes.append(f"{version}: NOT FOUND on this machine, so not checked")
            continue
        print(f"==> Testing replay on Python {version} ({interpreter})", flush=True)
        python = environment(
            f"replay/{version}", interpreter=interpreter, editable=[Editable(ROOT)]
        )
        is_good = replay(python)
        failed += not is_good
        outcomes.append(f"{version}: {'passed' if is_good else 'FAILED'}")
    print("Replay by Python: " + "; ".join(outcomes), flush=True)
    return failed


def find(version: str) -> str | None:
    """Return a working interpreter of ``version`` from PATH or pyenv, or ``None``."""
    name = f"python{version}"
    candidates = [str(Path(folder) / name) for folder in os.get_exec_path()]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates += sorted(str(path) for path in pyenv.glob(f"versions/{version}.*/bin/{name}"))
    # A shim of pyenv is on PATH for versions that it then refuses to start: only running one tells.
    return next((c for c in candidates if shutil.which(c) and version_of(c) == version), None)


def version_of(interpreter: str) -> str | None:
    """Return ``major.minor`` of an interpreter that can make environments, else ``None``."""
    code = "import ensurepip, venv, sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([interpreter, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def replay(python: Path) -> bool:
    """Run the tests of replay under ``python``; no test found is a failure too."""
    command = [str(python), "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider"]
    command += TESTS
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
