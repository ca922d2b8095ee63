"""An instance that the sidecar can no longer read is told as what it is, and hides no other."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import BackendUnavailableError, Status

if TYPE_CHECKING:
    from perdure_dapr.stack import DaprStack

pytestmark = pytest.mark.timeout(60)

app_registry = perdure.Registry()


@app_registry.workflow(name="damaged_wait")
async def wait() -> None:
    await perdure.wait_for_event("go")


def damage(stack: DaprStack, instance_id: str) -> None:
    """Take from the state store what its own account of the instance says is there."""
    stack.kill("daprd")
    file = Path(stack.log_path("daprd")).parents[1] / "state" / "workflows.db"
    with contextlib.closing(sqlite3.connect(file, timeout=20)) as database, database:
        where = f"key LIKE '%||{instance_id}||inbox-%'"
        deleted = database.execute(f"DELETE FROM state WHERE {where}").rowcount
    assert deleted == 1
    stack.start("daprd")


def test_a_damaged_instance_is_named_and_listed_as_unknown(bare_stack: DaprStack) -> None:
    app = perdure.App("damaged", backend=bare_stack.url)
    app.include(app_registry)
    with app.client() as client:
        client.start(wait, instance_id="whole")
        broken = client.start(wait, instance_id="broken")
    damage(bare_stack, broken.instance_id)
    with app.client() as client:
        with pytest.raises(BackendUnavailableError, match=r"restart does not help.*broken"):
            client.get(wait, broken.instance_id).info()
        listed = {info.instance_id: info for info in client.list()}
        assert listed["whole"].status is Status.PENDING
        assert listed["broken"].status is Status.UNKNOWN
        assert "damaged by a fault of daprd" in (listed["broken"].reason or "")
