"""Guards: what cannot be replayed fails the workflow at once, and nobody else."""

from __future__ import annotations

import asyncio
import builtins
import concurrent.futures
import gc
import http.client
import importlib
import logging
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
import weakref
import zoneinfo
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from perdure._replay.loop import WorkflowLoop
from tests.replay.stage import act, this

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.replay.conftest import Begin

HERE = Path(__file__)
FORBIDDEN = "perdure.errors.ForbiddenInWorkflowError"
from_time_import_sleep = time.sleep  # as who imports it before a workflow runs


def in_loop(method: str, *args: Any) -> Callable[[], Any]:
    return lambda: getattr(asyncio.get_running_loop(), method)(*args)


MISDEEDS: dict[str, Callable[[], Any]] = {
    "open": lambda: open(HERE),  # noqa: SIM115
    "os.open": lambda: os.open(HERE, os.O_RDONLY),
    "Path.write_text": lambda: HERE.with_suffix(".never").write_text(""),
    "os.listdir": lambda: os.listdir(HERE.parent),
    "os.remove": lambda: HERE.with_suffix(".never").unlink(),
    "os.rename": lambda: HERE.rename(HERE),
    "socket": socket.socket,
    "getaddrinfo": lambda: socket.getaddrinfo("localhost", 80),
    "subprocess": lambda: subprocess.run([sys.executable, "-V"], check=False),
    "os.system": lambda: os.system("true"),
    "fork": lambda: os.fork(),
    "truncate": lambda: os.truncate(HERE, 0),
    "symlink": lambda: HERE.with_suffix(".never").symlink_to(HERE),
    "an open connection": lambda: http.client.HTTPConnection("localhost").send(b""),
    "sqlite3": lambda: sqlite3.connect(":memory:"),
    "thread": lambda: threading.Thread(target=print).start(),
    "pool": lambda: concurrent.futures.ThreadPoolExecutor().submit(print),
    "time.sleep": lambda: time.sleep(0),
    "run_in_executor": in_loop("run_in_executor", None, print),
    "create_connection": in_loop("create_connection"),
    "add_reader": in_loop("add_reader", 0, print),
    "run_until_complete": in_loop("run_until_complete", None),
    "stop": in_loop("stop"),
}
if sys.version_info >= (3, 13):
    MISDEEDS["imported sleep"] = lambda: from_time_import_sleep(0)


@pytest.mark.parametrize("what", MISDEEDS)
def test_what_reaches_outside_fails_the_workflow(begin: Begin, what: str) -> None:
    async def run() -> None:
        await act("a")
        MISDEEDS[what]()

    failure = begin(run).complete("a").failure

    assert failure.type == FORBIDDEN
    assert "is not possible inside a workflow: " in failure.message


@pytest.mark.parametrize("what", ["open", "thread", "time.sleep"])
def test_an_error_of_a_guard_names_the_users_line(begin: Begin, what: str) -> None:
    async def run() -> None:
        MISDEEDS[what]()

    assert f"{HERE}:" in begin(run).failure.message


def test_a_misdeed_that_is_caught_fails_the_workflow_all_the_same(begin: Begin) -> None:
    async def run() -> Any:
        try:
            open(HERE)  # noqa: SIM115, ASYNC230
        except BaseException:  # noqa: BLE001 - as hostile code may
            return await act("a")

    assert begin(run).failure.type == FORBIDDEN


def test_to_thread_is_refused(begin: Begin) -> None:
    async def run() -> None:
        await asyncio.to_thread(print)

    failure = begin(run).failure

    assert failure.type == FORBIDDEN
    assert "running print in a thread" in failure.message


def test_awaiting_a_future_of_another_loop_is_refused(begin: Begin) -> None:
    other = asyncio.new_event_loop()
    foreign = other.create_future()

    async def run() -> None:
        await act("a")
        await foreign

    failure = begin(run).complete("a").failure
    other.close()

    assert failure.type == FORBIDDEN
    assert "another event loop" in failure.message


def test_awaiting_what_is_no_asyncio_is_refused(begin: Begin) -> None:
    class Foreign:
        def __await__(self) -> Any:
            yield "what another library's loop understands"

    async def run() -> None:
        await Foreign()

    assert begin(run).failure.type == FORBIDDEN


def test_waking_a_workflow_from_outside_is_an_error_there_and_not_here(begin: Begin) -> None:
    async def run() -> Any:
        loops.append(asyncio.get_running_loop())
        return await act("a")

    loops: list[asyncio.AbstractEventLoop] = []
    stage = begin(run, is_checked=False)

    with pytest.raises(RuntimeError, match="cannot be woken from outside"):
        loops[0].call_soon_threadsafe(print)
    assert stage.complete("a", 1).result == 1


def test_a_pool_lives_on_when_a_workflow_waited_for_it(
    begin: Begin, caplog: pytest.LogCaptureFixture
) -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        release = threading.Event()
        job = pool.submit(release.wait, 10)

        async def run() -> Any:
            asyncio.wrap_future(job)
            return await act("a")

        stage = begin(run, is_checked=False)
        release.set()
        assert job.result(10)
        assert pool.submit(lambda: "alive").result(10) == "alive"
    assert stage.complete("a", 1).result == 1
    assert "cannot be woken from outside" in caplog.text
    caplog.clear()


def test_what_only_computes_may_read_its_files(begin: Begin) -> None:
    async def run() -> Any:
        sys.modules.pop("colorsys", None)
        importlib.import_module("colorsys")
        zoneinfo.ZoneInfo.no_cache("Europe/Oslo")
        try:
            raise ValueError("to be shown")
        except ValueError:
            text = traceback.format_exc()
        return "to be shown" in text

    assert begin(run).result is True


def test_log_handlers_may_open_their_files(begin: Begin, tmp_path: Path) -> None:
    logger = logging.getLogger("tests.guards")
    handler = logging.FileHandler(tmp_path / "log", delay=True)
    logger.addHandler(handler)
    logger.propagate = False

    async def run() -> Any:
        logger.error("from a workflow")
        return "logged"

    try:
        assert begin(run).result == "logged"
    finally:
        logger.removeHandler(handler)
        handler.close()
    assert (tmp_path / "log").read_text().startswith("from a workflow")


class Litter:
    """What the collector finds in a workflow's thread, and is none of its doing."""

    def __init__(self, folder: Path) -> None:
        self.itself = self
        self.folder = folder

    def __del__(self) -> None:
        (self.folder / "__del__").write_text("done")


def test_finalizers_of_others_may_do_as_they_please(begin: Begin, tmp_path: Path) -> None:
    def leave_litter() -> None:
        litter = Litter(tmp_path)
        weakref.finalize(litter, (tmp_path / "finalize").write_text, "done")

    async def run() -> Any:
        gc.collect()
        return await act("a")

    gc.collect()
    leave_litter()

    assert begin(run).complete("a", 1).result == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["__del__", "finalize"]


def test_other_threads_and_later_code_are_not_bothered(begin: Begin) -> None:
    slept: list[float] = []
    go = threading.Event()

    def work() -> None:
        go.wait(10)
        before = time.monotonic()
        time.sleep(0.001)
        slept.append(time.monotonic() - before)

    thread = threading.Thread(target=work)
    thread.start()

    async def run() -> Any:
        go.set()
        return await act("a")

    stage = begin(run, is_checked=False).complete("a", 1)
    thread.join(10)
    assert stage.result == 1
    assert slept
    assert HERE.read_text()


def test_a_refused_thread_is_not_among_the_living(begin: Begin) -> None:
    thread = threading.Thread(target=print, name="refused")

    async def run() -> None:
        thread.start()

    assert begin(run, is_checked=False).failure.type == FORBIDDEN
    assert thread not in threading.enumerate()


def test_reading_the_time_of_day_is_not_caught(begin: Begin) -> None:
    async def run() -> Any:
        return datetime.now().year > 2000 and this().now().year > 2000  # noqa: DTZ005

    assert begin(run).result is True


def test_the_loop_says_what_asyncio_asks_of_it(begin: Begin) -> None:
    async def run() -> Any:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, WorkflowLoop)
        loop.set_debug(True)
        await loop.shutdown_asyncgens()
        await loop.shutdown_default_executor()
        return [loop.is_running(), loop.is_closed(), loop.get_debug(), loop.get_task_factory()]

    assert begin(run).result == [True, False, False, None]


def test_the_hook_outlives_its_module() -> None:
    # As the interpreter ends it clears modules away, and still calls the hook.
    code = (
        "import os; from perdure._replay import guards; guards.install()\n"
        "vars(guards).update(dict.fromkeys(vars(guards)))\n"
        "open(os.devnull).close()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=20
    )

    assert done.stderr == ""


def test_builtins_are_left_as_they_were() -> None:
    assert builtins.open is open
    assert time.sleep.__name__ == "sleep"
