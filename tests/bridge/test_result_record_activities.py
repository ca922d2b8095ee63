"""Activities of a bridge that has a record of results, as an SDK calls them."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure._program import RegistryProgram
from perdure.spi.bridge import Bridge, ResultRecord, WireFailure, decode_failure, decode_result
from perdure.spi.bridge.messages import encode_call
from tests.bridge.deliveries import BACKEND, HUB, attempt
from tests.bridge.programs import SDK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

app = perdure.Registry()
calls: list[str] = []
ended = threading.Event()


@app.activity
async def greet() -> str:
    calls.append("greet")
    return f"greeting {len(calls)}"


@app.activity
def refuse() -> None:
    calls.append("refuse")
    raise KeyError(f"refusal {len(calls)}")


@app.activity
async def linger() -> None:
    calls.append("linger")
    try:
        await asyncio.Event().wait()
    finally:
        ended.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """An SDK's context of an activity."""

    orchestration_id: str = "order-1"
    task_id: int = 1


class Loop:
    """An event loop in a thread, as a worker has one, and a bridge whose activities run there."""

    def __init__(self, folder: Path) -> None:
        calls.clear()
        ended.clear()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self._record = ResultRecord.open(BACKEND, HUB, folder=folder)
        self._program = RegistryProgram(app)
        self.bridge = Bridge(self._program, sdk=SDK, results=self._record)

    def activity(self, name: str, value: Any) -> Any:
        """Call an activity as an SDK with threads does."""
        return self.bridge.activity(name, self.loop)(Context(), value)

    def close(self) -> None:
        async def close() -> None:
            if others := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(others)  # what was cancelled comes to its end
            self._record.close()

        asyncio.run_coroutine_threadsafe(close(), self.loop).result()
        self._program.close()
        self.bridge.close()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Loop]:
    """A worker's loop and bridge."""
    loop = Loop(tmp_path)
    yield loop
    loop.close()


def call(name: str, number: int = 1) -> Any:
    """Return what a workflow of perdure's sends."""
    return encode_call(attempt(number, name=name))


def test_an_activity_that_is_delivered_again_gives_the_same_answer(worker: Loop) -> None:
    answers = [worker.activity("greet", call("greet")) for _ in range(2)]
    assert answers[0] == answers[1]
    reply = decode_result(answers[0])
    assert reply is not None
    assert reply.result == '"greeting 1"'
    assert calls == ["greet"]


def test_a_failure_that_is_delivered_again_is_the_same_failure(worker: Loop) -> None:
    texts = set()
    for _ in range(2):
        with pytest.raises(WireFailure) as caught:
            worker.activity("refuse", call("refuse"))
        texts.add(str(caught.value))
    (text,) = texts
    reply = decode_failure(error_type="KeyError", message=text)
    assert reply.failure is not None
    assert reply.failure.matches(KeyError)
    assert "refusal 1" in reply.failure.message
    assert calls == ["refuse"]


def test_a_call_of_somebody_elses_workflow_runs_each_time(worker: Loop) -> None:
    assert [worker.activity("greet", None) for _ in range(2)] == ["greeting 1", "greeting 2"]


def test_an_activity_that_is_missing_here_is_not_recorded(worker: Loop) -> None:
    for _ in range(2):
        with pytest.raises(WireFailure, match="no activity 'missing' is registered here"):
            worker.activity("missing", call("missing"))
    assert calls == []


def test_an_sdk_may_await_activities_on_a_loop_of_its_own(worker: Loop) -> None:
    async def main() -> None:
        activity = worker.bridge.async_activity("greet", worker.loop)
        assert asyncio.iscoroutinefunction(activity)
        assert activity.__name__ == "greet"
        answers = await asyncio.gather(*(activity(Context(), call("greet")) for _ in range(50)))
        assert all(answer == answers[0] for answer in answers)
        refusing = worker.bridge.async_activity("refuse", worker.loop)
        with pytest.raises(WireFailure):
            await refusing(Context(), call("refuse", 2))

    asyncio.run(main())
    assert calls == ["greet", "refuse"]


def test_many_awaited_activities_hold_no_threads(worker: Loop) -> None:
    async def main() -> None:
        activity = worker.bridge.async_activity("linger", worker.loop)
        before = threading.active_count()
        waiting = [
            asyncio.ensure_future(activity(Context(), call("linger", each))) for each in range(100)
        ]
        while len(calls) < len(waiting):
            await asyncio.sleep(0.001)
        assert threading.active_count() <= before
        for each in waiting:
            each.cancel()
        await asyncio.wait(waiting)

    asyncio.run(main())


def test_an_awaited_activity_is_cancelled_with_its_coroutine(worker: Loop) -> None:
    async def main() -> None:
        activity = worker.bridge.async_activity("linger", worker.loop)
        waiting = asyncio.ensure_future(activity(Context(), call("linger")))
        while not calls:
            await asyncio.sleep(0.001)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await asyncio.to_thread(ended.wait, 10)

    asyncio.run(main())
