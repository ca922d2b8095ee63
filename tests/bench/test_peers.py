"""Peers: what is said where one is missing, and how durable each says that it is."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from typing import TYPE_CHECKING

import psutil
import pytest
from perdure_bench.peers.restate_server import PROGRAM, RestateServer, find_restate_server
from perdure_bench.places.place import PlaceError
from perdure_bench.running import default_suites, suite_names

from tests.bench.test_run import cells, outcome

if TYPE_CHECKING:
    from pathlib import Path

# Most start servers or several processes.
pytestmark = pytest.mark.timeout(120)

PEERS = ("run", "--smoke", "--suite", "peers", "--into", "run")
IS_THERE = {name: importlib.util.find_spec(name) is not None for name in ("dbos", "restate")}
HAS_ALL = all(IS_THERE.values()) and shutil.which(os.environ.get("RESTATE_SERVER", PROGRAM))

SERVER = """#!{python}
import http.server, os, sys

class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()

if "--version" in sys.argv:
    print("restate-server 0.0.0")
elif "--dump-config" in sys.argv:
    print('''
default-replication = 1
[bifrost]
default-provider = "replicated"
[bifrost.local]
rocksdb-disable-wal-fsync = {local}
[log-server]
rocksdb-disable-wal-fsync = {log_server}
''')
else:
    address = ("127.0.0.1", int(os.environ["RESTATE_ADMIN__BIND_PORT"]))
    http.server.HTTPServer(address, Healthy).serve_forever()
"""


def program(path: Path, content: str = "") -> Path:
    """Return a file that can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(0o755)
    return path


def test_peers_run_only_when_they_are_named() -> None:
    assert "peers" in suite_names()
    assert "peers" not in default_suites()
    assert "latency" in default_suites()


def test_a_peer_that_is_missing_leaves_the_others_and_says_what_to_type(tmp_path: Path) -> None:
    nothing = {"PATH": str(tmp_path), "RESTATE_SERVER": ""}
    code, _, err = outcome(tmp_path, *PEERS, **nothing)
    found = {each["cell"]["way"]: each for each in cells(tmp_path / "run")}
    assert code == 1, err
    assert found["perdure"]["status"] == "ok", err
    assert found["restate"]["status"] == "unavailable"
    installs = {"dbos": "pip install 'perdure-bench[peers]'"}
    installs["restate"] = "npm install" if IS_THERE["restate"] else installs["dbos"]
    for way, words in installs.items():
        if found[way]["status"] != "ok":
            assert words in found[way]["note"]
    assert (found["dbos"]["status"] == "ok") == IS_THERE["dbos"]


def test_a_program_that_is_named_wrongly_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESTATE_SERVER", str(tmp_path / "nothing"))
    with pytest.raises(PlaceError, match=r"RESTATE_SERVER names no program: .*nothing"):
        find_restate_server()
    monkeypatch.delenv("RESTATE_SERVER")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PlaceError, match=r"npm install --ignore-scripts"):
        find_restate_server()


def test_the_server_is_found_behind_the_script_of_npm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = tmp_path / "node_modules"
    script = program(modules / "@restatedev" / PROGRAM / "lib" / "index.js")
    real = program(modules / "@restatedev" / f"{PROGRAM}-linux-x64" / "bin" / PROGRAM)
    (modules / ".bin").mkdir()
    (modules / ".bin" / PROGRAM).symlink_to(script)
    monkeypatch.setenv("RESTATE_SERVER", str(modules / ".bin" / PROGRAM))
    assert find_restate_server() == str(real.resolve())


@pytest.mark.parametrize(("disabled", "words"), [("false", "log on"), ("true", "log off")])
def test_the_server_says_how_durable_it_is_and_ends(
    tmp_path: Path, disabled: str, words: str
) -> None:
    other = "true" if disabled == "false" else "false"
    content = SERVER.format(python=sys.executable, log_server=disabled, local=other)
    path = program(tmp_path / PROGRAM, content)
    with RestateServer(str(path), tmp_path / "stack") as server:
        settings = server.settings()
        (status,) = server.status()
        assert list(server.usage()) == [PROGRAM]
        assert status.pid is not None
        process = psutil.Process(status.pid)
    assert settings["server"] == "restate-server 0.0.0"
    assert settings["durability"].endswith(words)
    assert not process.is_running()


@pytest.mark.skipif(not HAS_ALL, reason="python -m scripts.test_peers runs it")
def test_all_peers_do_the_work_and_say_how_durable_it_is(tmp_path: Path) -> None:
    code, _, err = outcome(tmp_path, *PEERS)
    found = {each["cell"]["way"]: each for each in cells(tmp_path / "run")}
    assert code == 0, err
    assert set(found) == {"perdure", "dbos", "restate"}
    said = {way: each["details"]["settings"]["durability"] for way, each in found.items()}
    assert said["dbos"] == "SQLite, journal_mode=delete, synchronous=FULL"
    assert said["restate"].endswith("fsync of the write-ahead log on")
    assert found["restate"]["figures"][f"cpu_seconds.{PROGRAM}"] > 0
    assert all(each["details"]["note"] for each in found.values())
    assert [way for way in found if found[way]["note"] == ""] == ["perdure"]
