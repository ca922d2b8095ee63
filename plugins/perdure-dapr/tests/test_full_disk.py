"""A state store without room: told as such, and nothing that was started is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_TESTS = Path(__file__).parent
_ON_A_SMALL_DISK = 'mount -t tmpfs -o size=16m tmpfs "$0" && exec "$@"'


def _may_mount(unshare: str) -> bool:
    probe = [unshare, "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(probe, check=False, capture_output=True).returncode == 0


@pytest.mark.timeout(240)
def test_a_full_disk_is_told_and_everything_goes_on_once_there_is_room(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    if unshare is None or not _may_mount(unshare):
        pytest.skip("this system lets a test mount nothing (unshare --map-root-user --mount)")
    small = tmp_path / "small"
    small.mkdir()
    scene = [sys.executable, "-m", "dapr_kit.full_disk", str(small), str(tmp_path / "stack")]
    done = subprocess.run(
        [unshare, "--map-root-user", "--mount", "sh", "-c", _ON_A_SMALL_DISK, str(small), *scene],
        env={**os.environ, "PYTHONPATH": str(_TESTS)},
        check=False,
        capture_output=True,
        text=True,
        timeout=220,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert len(told["errors"]) == 2
    assert all("disk is full" in error and "make room" in error for error in told["errors"])
    assert told["results"] == [2, 50_001, 50_001]
