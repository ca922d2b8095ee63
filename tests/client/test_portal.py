"""The portal: calls from any loop or thread, and a close that leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import subprocess
import sys
import threading
import time
import warnings
import weakref
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure._portal import Portal, finish
from perdure._replay.executor import WorkflowExecutor
from perdure.errors import BackendUnavailableError
from perdure.spi.history import Failed, WorkflowStarted
from perdure.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def portal() -> Iterator[Portal]:
    made = Portal(backend="test")
    yield made
    made.close()


async def thread_name() -> str:
    return threading.current_thread().name


async def fail() -> None:
    raise KeyError("from the portal")


async def never() -> None:
    await asyncio.Event().wait()


async def test_runs_in_its_own_thread(portal: Portal) -> None:
    assert await portal.call(thread_name()) == "perdure-loop-test"
    assert portal.call_blocking(thread_name()) == "perdure-loop-test"
    assert finish(portal.call_inline(thread_name())) == "perdure-loop-test"


async def test_errors_come_out_as_they_are(portal: Portal) -> None:
    with pytest.raises(KeyError, match="from the portal"):
        await portal.call(fail())
    with pytest.raises(KeyError, match="from the portal"):
        portal.call_blocking(fail())


async def test_results_of_many_calls_find_their_callers(portal: Portal) -> None:
    async def give(number: int) -> int:
        await asyncio.sleep(number % 3 / 1000)
        return number

    results = await asyncio.gather(*(portal.call(give(it)) for it in range(500)))

    assert results == list(range(500))


def test_many_loops_and_threads_at_once(portal: Portal) -> None:
    results: list[int] = []

    async def give(number: int) -> int:
        await asyncio.sleep(0)
        return number

    async def ask(base: int) -> None:
        results.extend(await asyncio.gather(*(portal.call(give(base + it)) for it in range(50))))

    threads = [threading.Thread(target=asyncio.run, args=(ask(it * 50),)) for it in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(results) == list(range(300))


async def test_a_call_from_its_own_loop_just_runs(portal: Portal) -> None:
    async def nested() -> str:
        return await portal.call(thread_name())

    assert await portal.call(nested()) == "perdure-loop-test"


async def test_a_blocking_call_from_its_own_loop_is_refused(portal: Portal) -> None:
    async def nested() -> None:
        portal.call_blocking(thread_name())

    with pytest.raises(RuntimeError, match="would block the loop"):
        await portal.call(nested())


async def test_the_callers_context_stays_with_the_caller(portal: Portal) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    variable.set("mine")

    async def read() -> str:
        return variable.get()

    assert await portal.call(read()) == "unset"


async def test_cancelling_the_caller_cancels_the_call_and_nothing_else(portal: Portal) -> None:
    ended = threading.Event()

    async def wait() -> None:
        try:
            await never()
        finally:
            ended.set()

    call = asyncio.ensure_future(portal.call(wait()))
    await asyncio.sleep(0.02)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert await asyncio.to_thread(ended.wait, 5)
    assert await portal.call(thread_name()) == "perdure-loop-test"


async def test_cancelling_before_it_began_leaves_no_warning(portal: Portal) -> None:
    call = asyncio.ensure_future(portal.call(thread_name()))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await portal.call(thread_name())


async def test_a_call_that_takes_too_long_is_given_up(portal: Portal) -> None:
    with pytest.raises(TimeoutError):
        await portal.call(never(), timeout_seconds=0.02)
    with pytest.raises(TimeoutError):
        portal.call_blocking(never(), timeout_seconds=0.02)
    assert await portal.call(count_tasks()) == 1


async def count_tasks() -> int:
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return len(asyncio.all_tasks())


async def test_closing_ends_the_calls_that_wait(portal: Portal) -> None:
    calls = [asyncio.ensure_future(portal.call(never())) for _ in range(3)]
    await asyncio.sleep(0.02)

    portal.close()

    for call in calls:
        with pytest.raises(BackendUnavailableError, match="closed while this call was under way"):
            await call


async def test_a_closed_portal_says_so(portal: Portal) -> None:
    portal.close()
    portal.close()

    with pytest.raises(BackendUnavailableError, match="is closed; open it again"):
        await portal.call(thread_name())
    with pytest.raises(BackendUnavailableError, match="is closed; open it again"):
        portal.call_blocking(thread_name())


def test_closing_leaves_no_thread_and_no_file(portal: Portal) -> None:
    portal.close()
    threads, files = threading.active_count(), len(os.listdir("/dev/fd"))

    for _ in range(20):
        other = Portal(backend="other")
        other.call_blocking(thread_name())
        other.close()

    assert threading.active_count() == threads
    assert len(os.listdir("/dev/fd")) == files


def test_keeps_no_loop_of_a_user_alive(portal: Portal) -> None:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(portal.call(thread_name()))
    loop.close()
    gone = weakref.ref(loop)
    del loop
    gc.collect()

    assert gone() is None


def test_a_loop_that_ends_during_a_call_harms_nobody(
    portal: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    async def leave() -> None:
        task = asyncio.ensure_future(portal.call(slow()))
        await asyncio.sleep(0.01)
        task.cancel()

    async def slow() -> None:
        try:
            await never()
        finally:
            await asyncio.sleep(0.05)

    asyncio.run(leave())
    time.sleep(0.1)

    assert portal.call_blocking(thread_name()) == "perdure-loop-test"
    assert caplog.records == []


def test_a_task_that_ignores_its_cancellation_does_not_hang_the_close(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("perdure._portal._CANCEL_SECONDS", 0.05)
    portal = Portal(backend="stubborn")
    is_over = False

    async def stubborn() -> None:
        while not is_over:
            try:
                await asyncio.sleep(0.2)
            except asyncio.CancelledError:
                continue

    with pytest.raises(TimeoutError):
        portal.call_blocking(stubborn(), timeout_seconds=0.02)
    # What is left behind is reported by asyncio as well, whenever it is collected.
    portal._loop.set_exception_handler(lambda loop, context: None)
    portal.close()

    assert "ignored its cancellation" in caplog.text
    is_over = True


def test_a_process_after_a_fork_is_told_to_open_again(portal: Portal) -> None:
    read_end, write_end = os.pipe()
    with warnings.catch_warnings():
        # Newer Pythons warn of just this: a fork while threads run.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            portal.call_blocking(thread_name(), timeout_seconds=5)
        except BaseException as error:  # noqa: BLE001 - it must be told to the parent
            os.write(write_end, f"{type(error).__name__}: {error}".encode())
        portal.close()
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write_end)
    with os.fdopen(read_end) as reader:
        told = reader.read()

    assert told.startswith("BackendUnavailableError: backend 'test': opened in process")
    assert "after a fork; open the app again" in told
    assert portal.call_blocking(thread_name()) == "perdure-loop-test"


LEFT_OPEN = """
import asyncio, threading
from perdure._portal import Portal
portal = Portal(backend="left-open")
async def never(): await asyncio.Event().wait()
threading.Thread(target=lambda: portal.call_blocking(never()), daemon=True).start()
print("main is over")
"""


def test_a_program_that_leaves_it_open_ends_all_the_same() -> None:
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", LEFT_OPEN],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )

    assert done.stdout == "main is over\n"
    assert "Error" not in done.stderr.replace("BackendUnavailableError", "")
    assert time.monotonic() - begin < 5


def test_what_must_block_may_not_suspend() -> None:
    with pytest.raises(RuntimeError, match="must block"):
        finish(suspend_once())


async def suspend_once() -> None:
    class Once:
        def __await__(self) -> Iterator[None]:
            yield

    await Once()  # type: ignore[misc]  # a bare suspension, as no future makes one


async def test_a_workflow_cannot_call_a_client(portal: Portal) -> None:
    async def calls() -> str:
        return portal.call_blocking(thread_name())

    executor = WorkflowExecutor(Workflow(calls, name="calls").definition())
    started = WorkflowStarted(
        at_us=0, instance_id="i", run_id="r", workflow="calls", arguments="{}", seed="s"
    )
    entries = executor.deliver(started)

    failed = entries[-1]
    assert isinstance(failed, Failed)
    assert failed.failure.matches(perdure.ForbiddenInWorkflowError)
    assert "a call of a perdure client" in failed.failure.message
