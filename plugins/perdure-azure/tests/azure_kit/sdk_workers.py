"""Workers of the SDK's, made and not started, with a program of one workflow and one activity."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from perdure_azure import create_backend
from perdure_azure.connection import Connection
from perdure_azure.foreign_payloads import open_foreign_payloads
from perdure_azure.sdk_worker import SdkWorker
from perdure_azure.tokens import Tokens


class Bridge:
    """A bridge as far as the registry asks for it."""

    def orchestrator(self, name: str) -> Any:
        """Return a workflow that asks for an activity."""

        def generator(context: Any, value: Any) -> Any:
            context.set_custom_status(json.dumps(f"{name} of {value}"))
            yield context.call_activity("quote", input={"a": 1})
            return "planned"

        return generator

    def async_activity(self, name: str, loop: asyncio.AbstractEventLoop) -> Any:
        """Return an activity that tells what it was given."""

        async def activity(context: Any, value: Any) -> str:
            return f"{name} {context.orchestration_id} {context.task_id} {value}"

        return activity


def make_worker(loop: asyncio.AbstractEventLoop | None = None) -> Any:
    """Return one; activities run on ``loop``."""
    if loop is None:
        loop = asyncio.new_event_loop()
        loop.close()
    backend: Any = create_backend("azure://127.0.0.1:1/trips")
    address = backend._address
    tokens = Tokens(address.authentication, audience=address.audience)
    bridge: Any = Bridge()
    return SdkWorker(
        address,
        tokens,
        bridge,
        foreign=open_foreign_payloads(variables={}),
        connection=Connection(address, tokens, worker_id="w"),
        worker_id="w",
        loop=loop,
    )
