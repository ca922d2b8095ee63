"""Waiting: ends with the backend, says why it was in vain, and tells what a look tells."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import BackendUnavailableError, Status
from perdure.spi import StartRequest
from perdure_dapr import create_backend

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from perdure.spi import Backend
    from perdure_dapr.stack import DaprStack

pytestmark = pytest.mark.timeout(60)
_MOMENT = timedelta(milliseconds=300)


def make_app(stack: DaprStack) -> perdure.App:
    app = perdure.App("waiting", backend=stack.url)

    @app.workflow(name="waiting_for_go")
    async def wait() -> str:
        perdure.set_custom_status("waiting")
        return await perdure.wait_for_event("go", str)

    return app


@contextlib.asynccontextmanager
async def opened(stack: DaprStack) -> AsyncGenerator[Backend, None]:
    """Open the backend itself."""
    backend = create_backend(stack.url)
    await backend.open()
    try:
        yield backend
    finally:
        await backend.close()


async def start(backend: Backend, instance_id: str) -> None:
    request = StartRequest(workflow="waiting_for_go", instance_id=instance_id, arguments="{}")
    await backend.start(request)


@pytest.mark.parametrize("has_worker", [False, True])
async def test_a_wait_without_a_timeout_ends_when_the_backend_is_closed(
    dapr_stack: DaprStack, has_worker: bool
) -> None:
    instance_id = f"waiting-closed-{has_worker}"
    async with contextlib.AsyncExitStack() as stack:
        if has_worker:
            await stack.enter_async_context(make_app(dapr_stack).worker())
        async with opened(dapr_stack) as backend:
            await start(backend, instance_id)
            waiting = asyncio.create_task(backend.wait(instance_id, timeout=None))
            done, _ = await asyncio.wait([waiting], timeout=0.5)
            assert not done
        with pytest.raises((BackendUnavailableError, asyncio.CancelledError)):
            await asyncio.wait_for(waiting, 10)
        async with opened(dapr_stack) as backend:
            await backend.terminate(instance_id, reason="done")


async def test_it_says_that_no_worker_is_there(dapr_stack: DaprStack) -> None:
    async with opened(dapr_stack) as backend:
        await start(backend, "waiting-alone")
        # What was found out of workers is good for a second.
        with pytest.raises(TimeoutError, match=r"waiting-alone.*pending.*no worker is connected"):
            await backend.wait("waiting-alone", timeout=_MOMENT * 7)
        with pytest.raises(TimeoutError, match="no worker is connected"):
            await backend.wait("waiting-alone", timeout=timedelta())
        await backend.terminate("waiting-alone", reason="done")


async def test_it_says_that_the_instance_is_on_hold_and_why(dapr_stack: DaprStack) -> None:
    async with make_app(dapr_stack).worker(), opened(dapr_stack) as backend:
        await start(backend, "waiting-held")
        await backend.suspend("waiting-held", reason="lunch")
        with pytest.raises(TimeoutError, match=r"suspended: lunch"):
            await backend.wait("waiting-held", timeout=_MOMENT)
        await backend.terminate("waiting-held", reason="done")


async def test_what_a_wait_tells_is_what_a_look_tells(dapr_stack: DaprStack) -> None:
    async with make_app(dapr_stack).worker(), opened(dapr_stack) as backend:
        await start(backend, "waiting-equal")
        waiting = asyncio.create_task(backend.wait("waiting-equal", timeout=timedelta(seconds=20)))
        await asyncio.sleep(0.2)
        await backend.raise_event("waiting-equal", "go", '"on"')
        heard = await waiting
        assert (heard.status, heard.output_json) == (Status.COMPLETED, '"on"')
        assert heard == await backend.get("waiting-equal")


async def test_what_has_not_begun_is_not_said_to_be_something_else(dapr_stack: DaprStack) -> None:
    async with opened(dapr_stack) as backend:
        await start(backend, "waiting-blank")
    async with make_app(dapr_stack).client() as client:
        with pytest.raises(perdure.ApprovalNotFoundError, match="'waiting-blank' has not begun"):
            await client.approvals.get("waiting-blank")
        await client.get(None, "waiting-blank").terminate(reason="done")
