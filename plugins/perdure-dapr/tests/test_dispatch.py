"""Dispatch: what the reader of the stream does with work items, and what becomes of them."""

from __future__ import annotations

import asyncio
import inspect
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from perdure.spi.remote.dispatch import DispatchedStub, Dispatcher
from perdure_dapr import sdk
from perdure_dapr.address import Address
from perdure_dapr.sdk_worker import SdkWorker

worker: Any = sys.modules["dapr.ext.workflow._durabletask.worker"]
takes_the_stream = pytest.mark.skipif(
    not hasattr(worker.TaskHubGrpcWorker, "_set_connection"),
    reason="1.18 has no place to take it over; what it is submitted is dispatched all the same",
)


def make_worker() -> Any:
    loop = asyncio.new_event_loop()
    loop.close()
    bridge: Any = SimpleNamespace(async_activity=lambda name, loop: name)
    return SdkWorker(Address(target="127.0.0.1:1"), bridge, loop=loop)


def work_item(kind: str) -> Any:
    item = sdk.pb.WorkItem(completionToken="token")
    getattr(item, kind).SetInParent()
    return item


@takes_the_stream
async def test_work_items_are_dispatched_before_the_sdks_loop_sees_them() -> None:
    made = make_worker()
    ran: list[tuple[str, tuple[Any, ...]]] = []
    made._execute_orchestrator = lambda *args: None
    made._dispatcher = SimpleNamespace(
        submit_turn=lambda run, *args: ran.append(("turn", args)),
        submit_activity=lambda run, *args: ran.append(("activity", args)),
    )
    kinds = ["workflowRequest", "healthPing", "activityRequest"]
    stub = SimpleNamespace(GetWorkItems=lambda request: iter(map(work_item, kinds)))
    stream = DispatchedStub(stub, made._dispatch).GetWorkItems(None)
    assert next(stream).HasField("healthPing")
    assert next(stream, None) is None
    assert [kind for kind, _ in ran] == ["turn", "activity"]
    assert all("token" in args for _, args in ran)


@takes_the_stream
def test_dispatched_items_get_what_the_sdks_methods_take() -> None:
    turn = inspect.signature(worker.TaskHubGrpcWorker._execute_orchestrator).parameters
    assert list(turn) == ["self", "req", "completionToken", "teardown_stream"]
    activity = inspect.signature(worker.TaskHubGrpcWorker._execute_activity_async).parameters
    assert list(activity) == ["self", "fn", "req", "completionToken"]
    connecting = inspect.signature(worker.TaskHubGrpcWorker._set_connection).parameters
    assert list(connecting) == ["self", "channel", "stub"]


def test_a_worker_that_stops_dispatches_nothing() -> None:
    made = make_worker()
    made._shutdown.set()
    assert not made._dispatch(work_item("workflowRequest"), None)


async def test_activities_run_on_the_loop_and_are_cancelled_with_the_worker() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def activity(name: str) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as turns:
        dispatcher = Dispatcher(turns=turns, loop=loop)
        await asyncio.to_thread(dispatcher.submit_activity, activity, "quote")
        await begun.wait()
        await asyncio.to_thread(dispatcher.cancel_activities, seconds=5)
        assert ended.is_set()


def test_what_comes_too_late_is_dropped_and_handed_out_again_by_the_sidecar() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    turns = ThreadPoolExecutor(1)
    turns.shutdown()
    dispatcher = Dispatcher(turns=turns, loop=loop)
    ran: list[str] = []

    async def act() -> None:
        ran.append("activity")

    dispatcher.submit_turn(ran.append, "turn")
    dispatcher.submit_activity(act)
    dispatcher.cancel_activities(seconds=1)
    assert ran == []


def test_what_the_sdks_loop_submits_is_dispatched_too() -> None:
    made = make_worker()
    manager = made._async_worker_manager
    assert manager.submit_orchestration == made._dispatcher.submit_turn
    assert manager.submit_activity == made._dispatcher.submit_activity
