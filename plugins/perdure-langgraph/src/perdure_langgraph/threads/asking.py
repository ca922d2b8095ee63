"""Asking a thread, and waiting for its answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

import perdure
from perdure_langgraph.errors import ThreadEndedError
from perdure_langgraph.threads.requests import (
    CANCEL,
    CLOSE,
    REQUEST,
    Json,
    Request,
    reply_instance_id,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perdure import Call, Client, WorkflowHandle

_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 0.5


async def outcome_of(client: Client, request: Request, *, thread: Call[None]) -> Json:
    """Return what a request gives; asked for anew only if it was not before.

    Args:
        client: A client of the app.
        request: The request.
        thread: What starts the thread if it is not there.

    Raises:
        ThreadEndedError: The thread has ended.
        WorkflowFailedError: The run did what no workflow may.
        WorkflowStalledError: The run waits for the code that it began with.
        WorkflowTerminatedError: The run was terminated.
    """
    reply: WorkflowHandle[Any] = client.get(None, request.event["reply_id"])
    with contextlib.suppress(perdure.InstanceNotFoundError):
        return await _result_of(reply)
    # It was not asked before, or has not had its turn; a thread ignores what it has seen.
    handle = await client.start(thread, instance_id=request.instance_id, if_exists="attach")
    with _ended_is_told(request.instance_id):
        await handle.raise_event(REQUEST, request.event)
    pause = _FIRST_PAUSE
    while True:
        await asyncio.sleep(pause)
        with contextlib.suppress(perdure.InstanceNotFoundError):
            return await _result_of(reply)
        pause = min(pause * 1.3, _LONGEST_PAUSE)
        await _check_runs(handle)


async def cancel(client: Client, instance_id: str, *, request_id: str | None) -> None:
    """Cancel a request of a thread, by default the one that runs.

    Raises:
        InstanceNotFoundError: There is no such thread.
        ThreadEndedError: The thread has ended.
    """
    thread: WorkflowHandle[Any] = client.get(None, instance_id)
    request_id = request_id or await _running(thread)
    if request_id is None:
        return
    reply_id = reply_instance_id(instance_id, request_id)
    with _ended_is_told(instance_id):
        # The thread knows from this not to begin it.
        await thread.raise_event(CANCEL, {"reply_id": reply_id})
    reply: WorkflowHandle[Any] = client.get(None, reply_id)
    pause = _FIRST_PAUSE
    while True:
        with contextlib.suppress(perdure.InstanceNotFoundError):
            with contextlib.suppress(perdure.InstanceFinishedError):
                await reply.raise_event(CANCEL, {"reply_id": reply_id})
            return
        if await _running(thread) != request_id:
            return
        # It is about to begin.
        await asyncio.sleep(pause)
        pause = min(pause * 1.3, _LONGEST_PAUSE)


async def close(client: Client, instance_id: str) -> None:
    """End a thread once it is idle.

    Raises:
        InstanceNotFoundError: There is no such thread.
    """
    with contextlib.suppress(perdure.InstanceFinishedError):
        await client.get(None, instance_id).raise_event(CLOSE, {})


async def _result_of(reply: WorkflowHandle[Any]) -> Json:
    try:
        result: Json = await reply.result()
    except perdure.WorkflowCancelledError:
        return {"kind": "cancelled"}
    return result


async def _check_runs(thread: WorkflowHandle[Any]) -> None:
    """Raise what ended the thread, or keeps it from going on, if something did."""
    info = await thread.info()
    if info.status is perdure.Status.STALLED or info.status.is_terminal:
        await thread.result()
        raise ThreadEndedError(instance_id=thread.instance_id)


@contextlib.contextmanager
def _ended_is_told(instance_id: str) -> Iterator[None]:
    try:
        yield
    except perdure.InstanceFinishedError as err:
        raise ThreadEndedError(instance_id=instance_id) from err


async def _running(thread: WorkflowHandle[Any]) -> str | None:
    """Return the request that a thread answers now."""
    status = json.loads((await thread.info()).custom_status_json or "null")
    is_known = isinstance(status, dict) and status.get("state") == "running"
    return status["request"] if is_known else None
