"""``perdure bench run`` as it is typed: what it keeps, and what it does when things go wrong."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from perdure_bench.run_folder import Noise, RunFolder

from tests.bench.runs import passes_of, run_of

if TYPE_CHECKING:
    from pathlib import Path

# Each test runs several processes.
pytestmark = pytest.mark.timeout(120)

LATENCY = ("run", "--smoke", "--suite", "latency")


def command(folder: Path, *words: str, **variables: str) -> subprocess.Popen[str]:
    """Start ``perdure bench``."""
    return subprocess.Popen(
        [sys.executable, "-m", "perdure", "bench", *words],
        cwd=folder,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outcome(folder: Path, *words: str, **variables: str) -> tuple[int, str, str]:
    """Return the exit code and what is written to each stream."""
    with command(folder, *words, **variables) as process:
        out, err = process.communicate()
    return process.returncode, out, err


def cells(folder: Path) -> list[dict[str, Any]]:
    """Return what a run has kept."""
    return [json.loads(line) for line in (folder / "cells.jsonl").read_text().splitlines()]


def test_a_run_is_kept_and_gone_on_with(tmp_path: Path) -> None:
    code, out, err = outcome(tmp_path, *LATENCY, "--into", "run")
    assert (code, out) == (0, "run\n"), err
    found = cells(tmp_path / "run")
    assert {each["status"] for each in found} == {"ok"}
    assert all(each["samples"] and min(each["samples"]) > 0 for each in found)
    raw = json.loads((tmp_path / "run" / "pytest-benchmark.json").read_text())
    assert len(raw["benchmarks"]) == len(found)

    # Of a run that was cut off in the middle of a line, what is missing is measured.
    kept = (tmp_path / "run" / "cells.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "run" / "cells.jsonl").write_text("".join(kept[:-2]) + kept[-2][:40])
    code, _, err = outcome(tmp_path, *LATENCY, "--into", "run")
    assert code == 0, err
    assert "[2/2," in err
    assert "[3/" not in err
    more = json.loads((tmp_path / "run" / "pytest-benchmark-2.json").read_text())
    assert len(more["benchmarks"]) == 2

    code, _, err = outcome(tmp_path, *LATENCY, "--into", "run", "--seed", "2")
    assert code == 7
    assert "seed: 0 then, 2 now" in err


def test_only_some_workloads(tmp_path: Path) -> None:
    code, _, err = outcome(tmp_path, *LATENCY, "--only", "first,recovery", "--into", "run")
    assert code == 0, err
    workloads = {each["cell"]["workload"] for each in cells(tmp_path / "run")}
    assert workloads == {"start to first activity", "recovery after kill"}


def test_examples_are_asked_until_they_answer(tmp_path: Path) -> None:
    words = ("run", "--suite", "agents", "--only", "example: claim,example: support")
    # No real model is asked, whatever the user has set for other programs.
    real = {
        "OPENAI_API_KEY": "none",
        "OPENAI_MODEL": "none",
        "OPENAI_BASE_URL": "http://127.0.0.1:9",
    }
    code, _, err = outcome(tmp_path, *words, "--passes", "1", "--into", "run", **real)
    assert code == 0, err
    both = cells(tmp_path / "run")
    assert len(both) == 2
    for found in both:
        assert len(found["samples"]) == 5
        assert found["figures"]["activities"] > 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_what_it_has(tmp_path: Path, number: signal.Signals) -> None:
    with command(tmp_path, *LATENCY, "--into", "run") as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("[1/"):
                break
        children = psutil.Process(process.pid).children(recursive=True)
        assert children
        process.send_signal(number)
        _, err = process.communicate()
    assert process.returncode == 130
    assert "--into run" in err
    assert len(cells(tmp_path / "run")) >= 1
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
    code, _, err = outcome(tmp_path, *LATENCY, "--into", "run")
    assert code == 0, err


def test_no_process_of_a_killed_run_stays(tmp_path: Path) -> None:
    # Its temporary files are what nobody removes.
    with command(tmp_path, *LATENCY, "--into", "run", TMPDIR=str(tmp_path)) as process:
        side = _side_of(process.pid)
        process.kill()
    _, alive = psutil.wait_procs([side], timeout=20)
    assert alive == []


def test_a_backend_that_cannot_be_had_leaves_the_others(tmp_path: Path) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    code, _, err = outcome(
        tmp_path,
        *LATENCY,
        *("--backends", "embedded,dapr", "--into", "run"),
        PERDURE_DAPR_BIN=str(empty),
    )
    found = cells(tmp_path / "run")
    assert code == 1
    assert {(each["cell"]["backend"], each["status"]) for each in found} == {
        ("embedded", "ok"),
        ("dapr", "unavailable"),
    }
    assert all("PERDURE_DAPR_BIN" in each["note"] for each in found if each["status"] != "ok")
    assert "cells gave nothing" in err


def test_a_side_that_dies_fails_its_cell_alone(tmp_path: Path) -> None:
    with command(tmp_path, *LATENCY, "--into", "run") as process:
        side = _side_of(process.pid)
        side.send_signal(signal.SIGKILL)
        _, err = process.communicate()
    statuses = [each["status"] for each in cells(tmp_path / "run")]
    assert process.returncode == 1, err
    assert statuses.count("failed") == 1
    assert statuses.count("ok") == len(statuses) - 1


def _side_of(pid: int) -> psutil.Process:
    last = time.monotonic() + 60
    while time.monotonic() < last:
        for child in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):  # one that is just ending
                if "perdure_side" in " ".join(child.cmdline()):
                    return child
        time.sleep(0.01)
    raise AssertionError("no side began")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("run", "--suite", "latncy"), "did you mean 'latency'"),
        (("run", "--backends", "dappr"), "did you mean 'dapr'"),
        (("run", "--passes", "0"), "--passes"),
        (("run", "--suite", "latency", "--only", "chain,tmer"), "'tmer'"),
        (("run", "--round-trip", "30ms"), "for the stand-in"),
        (("run", "--round-trip", "30ms", "--backends", "azure=azure://h/hub"), "for the stand-in"),
    ],
)
def test_wrong_names_are_refused(tmp_path: Path, words: tuple[str, ...], hint: str) -> None:
    code, out, err = outcome(tmp_path, *words)
    assert (code, out) == (2, "")
    assert hint in err
    assert list(tmp_path.iterdir()) == []


def test_compare_refuses_what_is_no_run(tmp_path: Path) -> None:
    code, _, err = outcome(tmp_path, "compare", "here", "there")
    assert code == 4
    assert "here has no run" in err


def test_compare_warns_of_noise_in_either_run(tmp_path: Path) -> None:
    noise = {"old": 0.9, "new": 0.01}
    for name, spread in noise.items():
        folder = RunFolder(tmp_path / name)
        folder.begin(run_of([], noise=[Noise(number=1, spread=spread, stolen=0.0)]))
        for found in passes_of(0.1):
            folder.add(found)
    code, _, err = outcome(tmp_path, "compare", "old", "new")
    assert code == 0, err
    assert (
        "noisy in the old run before pass 1 (the slow tenth of equal work took 90% longer)" in err
    )
    assert "the new run" not in err
