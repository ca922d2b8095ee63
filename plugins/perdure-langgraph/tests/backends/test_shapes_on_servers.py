"""Shapes give on the stand-in for DTS, and on Dapr, what they give plainly."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from tests.campaign.servers import servers_of

pytestmark = [pytest.mark.serial, pytest.mark.timeout(700)]

_TESTS = Path(__file__).parents[1]
_FEWEST = 110


@pytest.mark.parametrize("backend", ["azure", "dapr"])
async def test_every_shape_is_there_as_plainly(backend: str, tmp_path: Path) -> None:
    path = os.pathsep.join([str(_TESTS), os.environ.get("PYTHONPATH", "")])
    with servers_of(backend, tmp_path) as servers:
        environment = {**os.environ, "PYTHONPATH": path}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "backends.players", servers.url, str(tmp_path)),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
    assert process.returncode == 0
    errors: dict[str, str | None] = json.loads(output.splitlines()[-1])
    assert len(errors) >= _FEWEST
    wrong = {name: error for name, error in errors.items() if error is not None}
    assert not wrong, "\n".join([f"{len(wrong)} differ: {sorted(wrong)}", *wrong.values()])
