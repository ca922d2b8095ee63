"""Deadlines: a backend that does not answer hangs nobody, and the error says what is known."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from perdure.app import App
from perdure.types import Status
from tests.client.doubles import MuteBackend, info
from tests.client.workflows import five

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from perdure.handle import WorkflowHandle

SHORT = timedelta(milliseconds=50)


class Mute:
    """An app on a backend that does not answer, and that backend."""

    def __init__(self) -> None:
        self.backend = MuteBackend()
        self.app = App("mute-tests", backend=lambda url, *, clock=None: self.backend)


@pytest.fixture
def mute() -> Mute:
    return Mute()


async def test_a_start_without_an_answer_names_the_instance(mute: Mute) -> None:
    async with mute.app.client(deadline=SHORT) as client:
        with pytest.raises(
            TimeoutError,
            match=r"start of workflow instance 'x': no answer from backend 'mute' within 0.05 s",
        ):
            await client.start(five, instance_id="x")
    assert mute.backend.cancelled.is_set()


@pytest.mark.parametrize(
    ("action", "call"),
    [
        ("info", lambda handle: handle.info()),
        ("raise_event", lambda handle: handle.raise_event("any")),
        ("cancel", lambda handle: handle.cancel()),
        ("terminate", lambda handle: handle.terminate()),
        ("purge", lambda handle: handle.purge()),
    ],
)
async def test_every_call_of_a_handle_has_the_deadline(
    mute: Mute, action: str, call: Callable[[WorkflowHandle[Any]], Awaitable[object]]
) -> None:
    async with mute.app.client(deadline=SHORT) as client:
        with pytest.raises(TimeoutError, match=f"{action} of workflow instance 'x'"):
            await call(client.get(None, "x"))


def test_a_blocking_call_has_the_deadline_too(mute: Mute) -> None:
    begin = time.monotonic()
    with mute.app.client(deadline=SHORT) as client, pytest.raises(TimeoutError, match="info of"):
        client.get(None, "x").info()
    assert time.monotonic() - begin < 5


async def test_a_result_has_only_the_timeout_it_is_given(mute: Mute) -> None:
    async with mute.app.client(deadline=SHORT) as client:
        waiting = asyncio.ensure_future(client.get(None, "x").result())
        done, _ = await asyncio.wait([waiting], timeout=0.3)

        assert not done
        waiting.cancel()


async def test_a_late_result_tells_what_is_known(mute: Mute) -> None:
    mute.backend.known = info("x", status=Status.PENDING, reason="no live worker knows 'five'")
    async with mute.app.client() as client:
        with pytest.raises(
            TimeoutError,
            match=r"result of workflow instance 'x': .* 0.05 s; workflow 'five' is pending, "
            r"last changed at 2026-01-01T00:00:00\+00:00; no live worker knows 'five'",
        ):
            await client.get(five, "x").result(timeout=SHORT)


async def test_a_late_result_of_a_mute_backend_says_that_nothing_is_known(
    mute: Mute, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure._link._LOOK_SECONDS", 0.05)
    async with mute.app.client() as client:
        with pytest.raises(TimeoutError, match="where it stands cannot be told"):
            await client.get(five, "x").result(timeout=SHORT)


async def test_a_deadline_holds_while_the_portal_is_blocked(mute: Mute) -> None:
    async with mute.app.client(deadline=SHORT) as client:
        portal_sleep = asyncio.ensure_future(block_the_portal(client, seconds=2))
        await asyncio.sleep(0.02)
        begin = time.monotonic()

        with pytest.raises(TimeoutError):
            await client.get(None, "x").info()

        assert time.monotonic() - begin < 1.5
        await portal_sleep


async def block_the_portal(client: Any, *, seconds: float) -> None:
    async def block() -> None:
        time.sleep(seconds)  # noqa: ASYNC251 - an activity that blocks the loop is the case

    await client._link.caller(block(), timeout_seconds=None)


async def test_cancelling_a_call_cancels_it_in_the_backend(mute: Mute) -> None:
    async with mute.app.client() as client:
        call = asyncio.ensure_future(client.start(five))
        await asyncio.sleep(0.05)
        call.cancel()

        with pytest.raises(asyncio.CancelledError):
            await call
        cancelled = client._link.caller(mute.backend.cancelled.wait(), timeout_seconds=5)
        assert await cancelled


@pytest.mark.parametrize("deadline", [timedelta(), timedelta(seconds=-1)])
def test_a_deadline_must_be_positive(mute: Mute, deadline: timedelta) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        mute.app.client(deadline=deadline)
