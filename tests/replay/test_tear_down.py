"""Teardown: suspended code ends on purpose, in its own loop, thread and context, without noise."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from perdure._replay.teardown import _undying
from tests.replay.stage import Stage, act, child, event, start_child, this

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.replay.conftest import Begin

_who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")


@pytest.fixture(autouse=True)
def unraisable(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Fail a test whose garbage raised something, wherever it was collected."""
    raised: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: raised.append(repr(args.exc_value)))
    gc.collect()
    yield raised
    collect_elsewhere()
    assert raised == []


def collect_elsewhere() -> None:
    thread = threading.Thread(target=gc.collect)
    thread.start()
    thread.join()


def test_finally_blocks_run_when_the_executor_is_closed(begin: Begin) -> None:
    ended: list[int] = []

    async def part() -> None:
        try:
            await act("a")
        finally:
            ended.append(threading.get_ident())

    async def run() -> None:
        await asyncio.gather(part(), part())

    begin(run, is_checked=False).executor.close()

    assert ended == [threading.get_ident()] * 2


def test_finally_blocks_issue_no_commands(begin: Begin) -> None:
    reached: list[str] = []

    async def run() -> None:
        try:
            await act("a")
        finally:
            this().set_custom_status('"torn down"')
            start_child("kid")
            reached.append("before")
            await act("undo")
            reached.append("after")

    stage = begin(run, is_checked=False)
    stage.executor.close()

    assert reached == ["before"]
    assert stage.executor.custom_status_json is None
    assert stage.open == ["a"]


@pytest.mark.parametrize("wait", [act, child, event])
def test_every_wait_in_a_finally_block_is_given_up(begin: Begin, wait: Any) -> None:
    async def run() -> None:
        try:
            await act("a")
        finally:
            try:
                await wait("x")
            finally:
                try:
                    await asyncio.sleep(1)
                finally:
                    async with asyncio.timeout(1):
                        await asyncio.Event().wait()

    begin(run).executor.close()


def test_closing_twice_is_closing_once(begin: Begin) -> None:
    ended: list[str] = []

    async def run() -> None:
        try:
            await act("a")
        finally:
            ended.append("once")

    stage = begin(run, is_checked=False)
    stage.executor.close()
    stage.executor.close()

    assert ended == ["once"]


def test_tasks_left_behind_end_with_the_run(begin: Begin) -> None:
    ended: list[str] = []

    async def part() -> None:
        try:
            await event("never")
        finally:
            ended.append("part")

    async def run() -> Any:
        asyncio.create_task(part())  # noqa: RUF006 - the loop holds it
        return await act("a")

    begin(run, is_checked=False).complete("a")

    assert ended == ["part"]


def test_context_variables_are_reset_in_their_own_context(begin: Begin) -> None:
    errors: list[Exception] = []

    async def hold() -> AsyncIterator[int]:
        token = _who.set("generator")
        try:
            yield 1
        finally:
            try:
                _who.reset(token)
            except Exception as error:  # noqa: BLE001 - to be shown
                errors.append(error)

    async def run() -> None:
        token = _who.set("main")
        try:
            async for _ in hold():
                await act("a")
        finally:
            try:
                _who.reset(token)
            except Exception as error:  # noqa: BLE001 - to be shown
                errors.append(error)

    begin(run, is_checked=False).executor.close()

    assert errors == []


def test_generators_are_closed_after_the_tasks_that_iterate_them(begin: Begin) -> None:
    ended: list[str] = []

    async def pages(name: str) -> AsyncIterator[Any]:
        try:
            while True:
                yield await act(name)
        finally:
            ended.append(name)
            await act("never")

    async def run() -> None:
        async for _ in pages("outer"):
            async for _ in pages("inner"):
                await act("body")

    begin(run, is_checked=False).complete("outer").complete("inner").executor.close()

    assert sorted(ended) == ["inner", "outer"]


@pytest.mark.parametrize("caught", [asyncio.CancelledError, BaseException])
def test_code_that_swallows_its_cancellation_ends_all_the_same(begin: Begin, caught: Any) -> None:
    async def run() -> None:
        for _ in range(5):
            try:
                await act("a")
            except caught:
                continue

    begin(run).executor.close()


def test_code_that_swallows_every_cancellation_is_closed_by_force(begin: Begin) -> None:
    ended: list[str] = []

    async def run() -> None:
        token = _who.set("main")
        while True:
            try:
                await act("a")
            except asyncio.CancelledError:
                continue
            except GeneratorExit:
                _who.reset(token)
                ended.append(_who.get())
                raise

    begin(run, is_checked=False).executor.close()

    assert ended == ["nobody"]


def test_code_that_spins_on_its_cancellation_does_not_hang(begin: Begin) -> None:
    async def run() -> None:
        while True:
            try:
                await act("a")
            except asyncio.CancelledError:
                await asyncio.sleep(0)

    begin(run).executor.close()


def test_code_that_swallows_everything_is_left_to_no_collector(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ran: list[int] = []
    is_hostile = True

    async def run() -> None:
        while is_hostile:
            try:
                await act("a")
            except BaseException:  # noqa: BLE001 - hostile
                ran.append(threading.get_ident())

    Stage(run).start().executor.close()
    count = len(ran)
    collect_elsewhere()

    assert len(ran) == count
    assert "refuses to end" in caplog.text
    caplog.clear()
    is_hostile = False
    _undying.pop().close()


def test_code_that_begins_new_tasks_while_it_ends_leaves_none(begin: Begin) -> None:
    async def part() -> None:
        try:
            await act("a")
        finally:
            asyncio.create_task(part())  # noqa: RUF006 - hostile

    async def run() -> None:
        await part()

    begin(run).executor.close()


def test_a_wide_fan_out_is_torn_down_whole(begin: Begin) -> None:
    ended: list[int] = []

    async def part(i: int) -> None:
        try:
            await act("a")
        finally:
            ended.append(i)

    async def run() -> None:
        await asyncio.gather(*(part(i) for i in range(30_000)))

    begin(run, is_checked=False).executor.close()

    assert ended == list(range(30_000))


def test_guards_hold_while_code_is_torn_down(begin: Begin) -> None:
    seen: list[str] = []

    async def run() -> None:
        try:
            await act("a")
        finally:
            try:
                open("/etc/hostname")  # noqa: SIM115, ASYNC230
            except BaseException as error:  # noqa: BLE001 - to be shown
                seen.append(type(error).__name__)

    begin(run, is_checked=False).executor.close()

    assert seen == ["ForbiddenInWorkflowError"]


def test_errors_nobody_took_make_no_noise_when_they_are_collected(
    begin: Begin, caplog: pytest.LogCaptureFixture
) -> None:
    async def part() -> None:
        raise ValueError("nobody takes this")

    async def run() -> Any:
        tasks = [asyncio.create_task(part()) for _ in range(3)]
        await asyncio.sleep(0)
        return await act(f"{len(tasks)}")

    stage = begin(run, is_checked=False).complete("3")
    stage.executor.close()
    del stage
    collect_elsewhere()

    assert caplog.records == []


def test_an_executor_that_nobody_closed_makes_no_noise(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        await asyncio.gather(act("a"), event("go"))

    stage = Stage(run).start()
    del stage
    collect_elsewhere()

    assert caplog.records == []


def test_a_replay_that_fails_leaves_nothing_suspended(begin: Begin) -> None:
    ended: list[str] = []
    name = "a"

    async def run() -> None:
        try:
            await act("first")
            await act(name)
        finally:
            ended.append(name)

    stage = begin(run, is_checked=False).complete("first")
    name = "b"
    with pytest.raises(BaseException, match="does not match its history"):
        stage.rebuilt()

    assert ended == ["b"]
