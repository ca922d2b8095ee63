"""The demo on local servers: the same audit on each, brought up and taken down with it."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Final

import pytest

import evidence
from perdure.stack import Stack
from tests.examples.running import (
    FOLDER,
    PATIENCE_SECONDS,
    QUICK,
    output,
    running,
    runs,
    wait_until,
    worker_of,
)

if TYPE_CHECKING:
    from pathlib import Path

# Each backend that has servers, and what they are called.
SERVERS: Final = {
    "azure": ("dts-stand-in",),
    "dapr": ("placement", "scheduler", "daprd"),
}
# The first run on a machine builds them.
BUILD_SECONDS: Final = 900.0

# Runs the demo, and at its end writes into the evidence that what ran first has run once more.
DOCTORED: Final = """\
import dataclasses, sys
sys.path.insert(0, {folder!r})
import demo, evidence

def conclude(taken, *rest):
    first = evidence.read(taken.evidence)[0]
    again = dataclasses.replace(first, at_us=evidence.now_us())
    evidence.append(taken.evidence, again)
    return honest(taken, *rest)

honest, demo.conclude = demo.conclude, conclude
sys.exit(demo.main())
"""


@pytest.fixture(params=SERVERS)
def backend(request: pytest.FixtureRequest) -> str:
    """Return each backend with servers in turn."""
    return str(request.param)


def _servers(backend: str, tmp_path: Path) -> list[int]:
    """Return the process ids of the servers that run."""
    stack = Stack(backend, tmp_path / ".perdure" / "demo" / "servers" / backend)
    return [server.pid for server in stack.status() if server.pid is not None]


@pytest.mark.timeout(BUILD_SECONDS + 60)
def test_demo_on_servers_survives_its_kill_and_proves_it(backend: str, tmp_path: Path) -> None:
    with running("demo.py", "--backend", backend, *QUICK, cwd=tmp_path) as process:
        text = output(process, seconds=BUILD_SECONDS)
    state = tmp_path / ".perdure" / "demo"
    assert process.returncode == 0, text
    proof = json.loads((state / "proof.json").read_text())
    lines = evidence.read(state / "evidence.jsonl")
    assert proof["holds"]
    assert (proof["repeated"], proof["lost"], proof["retried"]) == (0, 0, 2)
    assert 0 < proof["finished_before_kill"] < proof["finished"]
    assert len({line.pid for line in lines}) == 2
    assert not any(runs(line.pid) for line in lines)
    assert f"backend {backend}: {SERVERS[backend][0]}" in text
    assert _servers(backend, tmp_path) == []


@pytest.mark.timeout(BUILD_SECONDS + 60)
def test_a_doctored_evidence_file_fails_the_demo_on_servers(backend: str, tmp_path: Path) -> None:
    script = tmp_path / "doctored.py"
    script.write_text(DOCTORED.format(folder=str(FOLDER)), encoding="utf-8")
    with running(script, "--backend", backend, *QUICK, cwd=tmp_path) as process:
        text = output(process, seconds=BUILD_SECONDS)
    state = tmp_path / ".perdure" / "demo"
    assert process.returncode == 1, text
    assert "1 ran again after having finished" in text
    assert json.loads((state / "proof.json").read_text())["repeated"] == 1
    assert "The proof fails" in (state / "report.html").read_text(encoding="utf-8")
    assert _servers(backend, tmp_path) == []


@pytest.mark.timeout(BUILD_SECONDS + 60)
def test_the_servers_are_stopped_on_ctrl_c(backend: str, tmp_path: Path) -> None:
    with running("demo.py", "--backend", backend, cwd=tmp_path) as process:
        worker = worker_of(tmp_path / ".perdure" / "demo", seconds=BUILD_SECONDS)
        servers = _servers(backend, tmp_path)
        process.send_signal(signal.SIGINT)
        text = output(process)
    assert len(servers) == len(SERVERS[backend])
    assert process.returncode == 130, text
    assert "Traceback" not in text
    assert not any(map(runs, [worker, *servers]))


@pytest.mark.timeout(BUILD_SECONDS + 60)
def test_servers_end_with_a_demo_that_is_killed_and_the_next_begins_afresh(
    backend: str, tmp_path: Path
) -> None:
    with running("demo.py", "--backend", backend, cwd=tmp_path) as process:
        worker = worker_of(tmp_path / ".perdure" / "demo", seconds=BUILD_SECONDS)
        servers = _servers(backend, tmp_path)
        process.kill()
        process.wait()
        wait_until(lambda: not any(map(runs, [worker, *servers])))
    assert len(servers) == len(SERVERS[backend])
    with running("demo.py", "--backend", backend, *QUICK, cwd=tmp_path) as process:
        text = output(process, seconds=PATIENCE_SECONDS)
    assert process.returncode == 0, text


def test_demo_says_which_backends_there_are(tmp_path: Path) -> None:
    with running("demo.py", "--backend", "dpar", cwd=tmp_path) as process:
        text = output(process)
    assert process.returncode == 2
    assert "dpar" in text
    assert "there are: sqlite, azure, dapr" in text
    assert not (tmp_path / ".perdure").exists()


def test_demo_says_why_servers_cannot_be_had(backend: str, tmp_path: Path) -> None:
    variable = f"PERDURE_{backend.upper()}_BIN"
    nowhere = {variable: str(tmp_path / "nowhere")}
    with running("demo.py", "--backend", backend, cwd=tmp_path, **nowhere) as process:
        text = output(process)
    assert process.returncode == 1
    assert variable in text
    assert "Traceback" not in text


@pytest.mark.timeout(90)
def test_demo_asked_for_the_embedded_engine_takes_no_other(tmp_path: Path) -> None:
    arguments = ("--backend", "sqlite", *QUICK)
    with running("demo.py", *arguments, cwd=tmp_path, PERDURE_BACKEND="nonsense") as process:
        text = output(process)
    assert process.returncode == 0, text
    assert "backend sqlite: the embedded engine" in text
