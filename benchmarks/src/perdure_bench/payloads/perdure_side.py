"""perdure's side of the probes on whatever ``PERDURE_BACKEND`` says: ``python -m`` this module."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import perdure
from perdure_bench.payloads.kinds import batches_of, fingerprint, text_of
from perdure_bench.payloads.probing import RUNS, Ended, serve

if TYPE_CHECKING:
    from perdure_bench.payloads.kinds import Kind

app = perdure.App("payloads")


@app.activity
async def take(text: str) -> str:
    """Say what came."""
    return fingerprint(text)


@app.activity
async def give(size: int) -> str:
    """Return a text."""
    RUNS.count += 1
    return text_of(size)


@app.workflow
async def workflow_input(text: str) -> str:
    """Say what came."""
    return fingerprint(text)


@app.workflow
async def workflow_output(size: int) -> str:
    """Return a text."""
    return text_of(size)


@app.workflow
async def activity_input(size: int) -> str:
    """Give an activity a text."""
    return await take(text_of(size))


@app.workflow
async def activity_output(size: int) -> str:
    """Take a text from an activity."""
    return fingerprint(await give(size))


@app.workflow
async def event(size: int) -> str:
    """Take a text from an event."""
    return fingerprint(await perdure.wait_for_event("go", str))


@app.workflow
async def custom_status(size: int) -> str:
    """Show a text."""
    perdure.set_custom_status(text_of(size))
    return ""


@app.workflow
async def cumulative_history(size: int) -> str:
    """Take many texts from activities."""
    came = ""
    for batch in batches_of(size):
        texts = await asyncio.gather(*(give(piece) for piece in batch))
        came += "".join(map(fingerprint, texts))
    return fingerprint(came)


_SINGLE = (workflow_input, workflow_output, activity_input, activity_output, event, custom_status)
_WORKFLOWS: dict[str, Any] = {each.name: each for each in (*_SINGLE, cumulative_history)}


class PerdureProber:
    """The app, open between connect and disconnect."""

    def __init__(self) -> None:
        self._opened = AsyncExitStack()
        self._client: perdure.Client

    async def connect(self) -> None:
        """Open the app, with a worker."""
        self._client = await self._opened.enter_async_context(app.run())

    async def start(self, kind: Kind, given: str | int, instance_id: str) -> None:
        """Start an instance."""
        workflow = _WORKFLOWS[kind.replace(" ", "_")]
        await self._client.start(workflow, given, instance_id=instance_id)

    async def raise_event(self, text: str, instance_id: str) -> None:
        """Raise the event."""
        await self._client.get(None, instance_id).raise_event("go", text)

    async def ended(self, instance_id: str) -> Ended:
        """Wait until it has ended or stalled."""
        info = await self._client.get(None, instance_id).wait()
        if info.status is perdure.Status.COMPLETED:
            return Ended(
                status="completed",
                output=json.loads(info.output_json or '""'),
                custom_status=json.loads(info.custom_status_json or '""'),
            )
        if info.status is perdure.Status.STALLED:
            return Ended(status="stalled", words=info.reason or "")
        failure = info.failure
        words = f"{failure.type}: {failure.message}" if failure else str(info.status)
        return Ended(status="failed", words=words)

    async def status(self, instance_id: str) -> str:
        """Look how it stands."""
        return str((await self._client.get(None, instance_id).info()).status)

    async def remove(self, instance_id: str, *, is_running: bool) -> None:
        """Terminate and purge it."""
        handle = self._client.get(None, instance_id)
        try:
            if is_running:
                await handle.terminate()
                await handle.wait()
            await handle.purge()
        except perdure.InstanceNotFoundError:
            return

    def is_lost(self, error: Exception) -> bool:
        """Return whether the backend cannot be reached."""
        return isinstance(error, perdure.BackendUnavailableError)

    def words_of(self, error: Exception) -> str:
        """Return the error's type and message."""
        return f"{type(error).__name__}: {error}"

    async def disconnect(self) -> None:
        """Close the app."""
        await self._opened.aclose()


if __name__ == "__main__":
    serve(PerdureProber())
