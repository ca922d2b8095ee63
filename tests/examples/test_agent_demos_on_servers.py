"""The demos of agents on local servers: the same agents, brought up and taken down with them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from examples.shared import journal
from perdure.stack import Stack
from tests.examples.modules import EXAMPLES, GRAPHS, QUICK, running_module
from tests.examples.running import output, runs

if TYPE_CHECKING:
    from pathlib import Path

SERVERS: Final = {"azure": "dts-stand-in", "dapr": "placement"}
# The first run on a machine builds them.
BUILD_SECONDS: Final = 900.0


@pytest.mark.parametrize("backend", SERVERS)
@pytest.mark.parametrize("example", [*EXAMPLES, *GRAPHS])
@pytest.mark.timeout(BUILD_SECONDS + 60)
def test_demo_on_servers_survives_its_kill_and_proves_it(
    example: str, backend: str, tmp_path: Path
) -> None:
    arguments = ("--backend", backend, *QUICK)
    with running_module(f"examples.{example}.demo", *arguments, cwd=tmp_path) as process:
        text = output(process, seconds=BUILD_SECONDS)
    state = tmp_path / ".perdure" / example
    assert process.returncode == 0, text
    proof = json.loads((state / "proof.json").read_text())
    lines = journal.read(state / "tools.jsonl")
    assert proof["holds"]
    assert (proof["repeated"], proof["lost"]) == (0, 0)
    assert 0 < proof["finished_before_kill"] < proof["calls"]
    assert len({line.pid for line in lines}) == 2
    assert not any(runs(line.pid) for line in lines)
    assert f"backend {backend}: {SERVERS[backend]}" in text
    servers = Stack(backend, state / "servers" / backend).status()
    assert [server.pid for server in servers if server.pid is not None] == []
