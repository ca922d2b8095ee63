"""Patches: pinned when a run begins, whoever starts it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure.spi.bridge import StartEnvelope, encode_start
from tests.bridge.host import Host
from tests.bridge.programs import WatchedBridge, add

if TYPE_CHECKING:
    from collections.abc import Iterator

bridges: list[WatchedBridge] = []


def bridge_with(*patches: str) -> WatchedBridge:
    """Return a worker whose workflow declares ``patches``."""
    app = perdure.App("patches")
    app.activity(name="add")(add.local)

    @app.workflow(patches=patches)
    async def pay(steps: int) -> list[bool]:
        seen = []
        for _ in range(steps):
            await add(1, 1)
            seen.append(bool(patches) and perdure.patched("fees"))
        return seen

    bridges.append(WatchedBridge(app, retain=0))
    return bridges[-1]


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while bridges:
        bridges.pop().close()


def test_a_run_keeps_the_patches_it_began_with() -> None:
    host = Host(bridge_with("fees")).start("pay", steps=2)
    assert host.run().result() == [True, True]
    assert host.runs == 2  # the first only stamped them


def test_a_run_that_began_without_a_patch_never_sees_it() -> None:
    host = Host(bridge_with()).start("pay", steps=2)
    assert host.runs == 1
    host.bridge = bridge_with("fees")
    assert host.run().result() == [False, False]


def test_a_stamped_input_needs_no_second_run() -> None:
    start = StartEnvelope(run_id="r", seed="r", arguments='{"steps": 1}', patches=("fees",))
    host = Host(bridge_with("fees")).start_with("pay", json.dumps(encode_start(start)))
    assert host.run().result() == [True]
    assert host.runs == 1
