"""Over the scheduler's limit of actions a second: all comes to its end, only later.

That DTS refuses with RESOURCE_EXHAUSTED is a guess of the stand-in's; what workers and clients make
of such an answer is not.
"""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from azure_kit.native import native_client

import perdure
from perdure_azure.connection import Connection
from perdure_azure.faults import ThrottledError
from perdure_azure.stack import AzureStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.timeout(120), pytest.mark.serial]

_PATIENCE = timedelta(seconds=90)
CONSUMPTION = 500
_BURST_SECONDS = 1.0
# A start, an activity and its result.
_ACTIONS_EACH = 3


class Meter:
    """The stand-in's count of actions, looked at again and again."""

    def __init__(self, stack: AzureStack) -> None:
        self._url = f"{stack.admin_url}/actions?hub=default"
        self._began = time.monotonic()
        self.samples: list[tuple[float, int]] = []

    def look(self) -> int:
        with urllib.request.urlopen(self._url, timeout=10) as answer:
            count: int = json.load(answer)["metrics"]
        self.samples.append((time.monotonic() - self._began, count))
        return count

    async def watch(self) -> None:
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(0.2)

    def most_over(self, limit: int) -> float:
        """Return by how many actions the limit was passed at most, the first burst aside."""
        return max(count - limit * (at + _BURST_SECONDS) for at, count in self.samples)


@pytest.fixture
def limit() -> int:
    """Return a limit that everybody reaches; a test may have another."""
    return 20


@pytest.fixture
def stack(limit: int, tmp_path: Path) -> Iterator[AzureStack]:
    options = StackOptions(sku="consumption", actions_per_second=limit % CONSUMPTION)
    with AzureStack(tmp_path / "stack", options) as stack:
        yield stack


def make_app(stack: AzureStack, ran: Counter[str]) -> perdure.App:
    app = perdure.App("throttled", backend=stack.url)

    @app.activity(name="throttle_step")
    async def step() -> int:
        ran[perdure.current_activity().idempotency_key] += 1
        return 1

    @app.workflow(name="throttle_run")
    async def run() -> int:
        return await step()

    return app


@pytest.mark.parametrize(("limit", "count"), [(CONSUMPTION, 400), (20, 100)])
async def test_all_instances_end_once_and_the_limit_is_kept(
    stack: AzureStack, limit: int, count: int
) -> None:
    ran: Counter[str] = Counter()
    app = make_app(stack, ran)
    meter = Meter(stack)
    async with app.run() as client:
        watching = asyncio.create_task(meter.watch())
        begin = app.workflows["throttle_run"]
        handles = await asyncio.gather(*(client.start(begin) for _ in range(count)))
        results = await asyncio.gather(*(handle.result(timeout=_PATIENCE) for handle in handles))
        watching.cancel()
    assert results == [1] * count
    assert len(ran) == count
    assert set(ran.values()) == {1}
    assert meter.look() == count * _ACTIONS_EACH
    # What a worker answers is counted whole, and may be two actions.
    assert meter.most_over(limit) <= limit * 0.2 + 10


async def test_a_refused_call_is_made_again_when_the_scheduler_says(
    stack: AzureStack, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[float] = []
    waited: list[float] = []
    until = Connection.seconds_until_repeat

    def note(self: Any, error: Exception, **tried: Any) -> float | None:
        seconds = until(self, error, **tried)
        if isinstance(error, ThrottledError) and seconds is not None:
            told.append(error.retry_after_seconds)
            waited.append(seconds)
        return seconds

    monkeypatch.setattr(Connection, "seconds_until_repeat", note)
    async with make_app(stack, Counter()).client() as client:
        began = time.monotonic()
        calls = [client.start("throttle_nobody", arguments={}) for _ in range(limit + limit // 2)]
        await asyncio.gather(*calls)
        seconds = time.monotonic() - began
    assert told, "the limit was never reached"
    assert all(seconds > 0 for seconds in told)
    assert all(wait >= least for wait, least in zip(waited, told, strict=True))
    assert 0.4 < seconds < 8


async def test_the_native_client_is_refused_where_perdures_gets_through(
    stack: AzureStack, limit: int
) -> None:
    def flood() -> str:
        with native_client(stack) as client:
            for _ in range(limit * 3):
                try:
                    client.schedule_new_orchestration("throttle_nobody")
                except grpc.RpcError as error:
                    code: Any = error
                    return str(code.code().name)
        return "all taken"

    assert await asyncio.to_thread(flood) == "RESOURCE_EXHAUSTED"
    async with make_app(stack, Counter()).client() as client:
        assert await client.start("throttle_nobody", arguments={})
