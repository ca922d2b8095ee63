"""Shapes give on the stand-in for DTS what they give plainly."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from graph_kills.servers import servers_of

pytestmark = [pytest.mark.serial, pytest.mark.timeout(300)]

_TESTS = Path(__file__).parents[1]
_FEWEST = 90
# Entrypoints that are a plain def: their stack cannot go on in another thread.
_WITH_PLAIN_BODIES = {
    "test_a_plain_entrypoint_waits_for_its_tasks-0",
    "test_an_error_of_a_task_can_be_caught_by_the_body-0",
    "test_interrupts_between_tasks-1",
    "test_previous_results_and_results_that_are_not_saved-0",
}


async def test_every_shape_is_on_the_stand_in_as_plainly(tmp_path: Path) -> None:
    path = os.pathsep.join([str(_TESTS), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "XDG_STATE_HOME": str(tmp_path / "state")}
    with servers_of("azure", tmp_path) as servers:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "backends.players", servers.url, str(tmp_path)),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
    assert process.returncode == 0
    errors: dict[str, str | None] = json.loads(output.splitlines()[-1])
    assert len(errors) >= _FEWEST
    for name in _WITH_PLAIN_BODIES:
        # By chance they may stay in one thread, and then they work.
        problem = errors.pop(name)
        assert problem is None or "make the entrypoint an async def" in problem
    wrong = {name: error for name, error in errors.items() if error is not None}
    assert not wrong, "\n".join([f"{len(wrong)} differ: {sorted(wrong)}", *wrong.values()])
