from __future__ import annotations

import signal
import subprocess
import sys
from random import Random

import pytest

from perdure.errors import ConfigurationError
from perdure.testing import CrashPoint, crash_points

_PROGRAM = """
from perdure.testing.crash_points import reach
for number in range(5):
    print(number, flush=True)
    reach("here")
    reach("elsewhere")
"""


def _run(environment: dict[str, str]) -> tuple[int, str]:
    command = [sys.executable, "-c", _PROGRAM]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_a_process_dies_at_its_point_and_at_the_time_that_was_said() -> None:
    point = CrashPoint(place="here", count=3)
    assert _run(point.environment) == (-signal.SIGKILL, "0\n1\n2\n")


def test_a_process_without_a_point_or_with_another_one_lives() -> None:
    everything = (0, "0\n1\n2\n3\n4\n")
    assert _run({}) == everything
    assert _run(CrashPoint(place="never").environment) == everything
    assert _run(CrashPoint(place="here", count=6).environment) == everything


def test_the_same_seed_draws_the_same_points() -> None:
    drawn = [[CrashPoint.draw(random) for _ in range(20)] for random in (Random(7), Random(7))]
    assert drawn[0] == drawn[1]
    assert {point.place for point in drawn[0]} == set(crash_points.PLACES)


@pytest.mark.parametrize("text", ["here", "here:", ":1", "here:0", "here:x", "here:-1"])
def test_a_point_that_cannot_be_read_is_named(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(crash_points.VARIABLE, text)
    with pytest.raises(ConfigurationError, match="place:n"):
        crash_points.armed()
