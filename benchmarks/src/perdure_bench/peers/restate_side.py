"""Restate's SDK: ``python -m`` this module, with the URLs of a server's ingress and admin port.

The workflows are served by Hypercorn, as Restate's documentation has it; the client is the SDK's.
The loggers of both are off below warnings, which is to their advantage.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from contextlib import AsyncExitStack
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import httpx
import restate
from hypercorn.asyncio import serve as serve_http
from hypercorn.config import Config

from perdure.stack import LOOPBACK
from perdure_bench.sides.serving import serve

if TYPE_CHECKING:
    from perdure_bench.sides.jobs import Shape

_LONGEST_SECONDS = 600


async def _echo(value: int) -> int:
    return value


async def _chain(context: Any, size: int) -> int:
    value = 0
    for number in range(size):
        value = await context.run_typed("echo", _echo, value=number)
    return value


async def _fan_out(context: Any, size: int) -> int:
    calls = [context.run_typed("echo", _echo, value=number) for number in range(size)]
    return sum([await call for call in await restate.gather(*calls)])


_CHAIN, _FAN_OUT = restate.Workflow("chain"), restate.Workflow("fan_out")
_HANDLERS: dict[str, Any] = {
    "chain": _CHAIN.main(name="run")(_chain),
    "fan_out": _FAN_OUT.main(name="run")(_fan_out),
}


class RestateSide:
    """A served app and a client between connect and disconnect.

    Args:
        ingress: The URL for calls.
        admin: The URL where workflows are registered.
    """

    def __init__(self, ingress: str, admin: str) -> None:
        self._ingress = ingress
        self._admin = admin
        self._opened = AsyncExitStack()
        self._is_over = asyncio.Event()
        self._answers: dict[str, asyncio.Future[Any]] = {}
        self._serving: asyncio.Future[None]
        self._client: Any

    async def connect(self) -> None:
        """Serve the workflows, register them, and make a client."""
        config = Config()
        config.bind = [f"{LOOPBACK}:0"]
        sockets = config.create_sockets()
        port = sockets.insecure_sockets[0].getsockname()[1]
        # Hypercorn takes a socket that is bound by the number of its file.
        config.bind = [f"fd://{sockets.insecure_sockets[0].detach()}"]
        app: Any = restate.app([_CHAIN, _FAN_OUT])
        serving = serve_http(app, config, shutdown_trigger=self._is_over.wait)
        self._serving = asyncio.ensure_future(serving)
        async with httpx.AsyncClient(timeout=_LONGEST_SECONDS) as client:
            deployment = {"uri": f"http://{LOOPBACK}:{port}"}
            answer = await client.post(f"{self._admin}/deployments", json=deployment)
            answer.raise_for_status()
        self._client = await self._opened.enter_async_context(restate.create_client(self._ingress))
        # Its default of 5 s is too short for the last of many calls that wait for a connection.
        self._client.client.timeout = _LONGEST_SECONDS

    async def start(self, shape: Shape, size: float, instance_id: str) -> None:
        """Call a workflow; the answer to the call is its result."""
        call = self._client.workflow_call(_HANDLERS[shape], instance_id, int(size))
        self._answers[instance_id] = asyncio.ensure_future(call)

    async def result(self, instance_id: str) -> float:
        """Wait for its result."""
        result: float = await self._answers.pop(instance_id)
        return result

    async def raise_event(self, instance_id: str) -> None:
        """Do nothing: no instance here waits for one."""

    async def settings(self, order: dict[str, Any]) -> dict[str, Any]:
        """Say which versions run on this side."""
        packages = ("restate-sdk", "hypercorn", "httpx")
        return {"versions": ", ".join(f"{name} {version(name)}" for name in packages)}

    async def disconnect(self) -> None:
        """End both."""
        await self._opened.aclose()
        self._is_over.set()
        with contextlib.suppress(asyncio.CancelledError):
            await self._serving


if __name__ == "__main__":
    logging.disable(logging.INFO)
    subject = RestateSide(*sys.argv[1:3])
    serve(subject, more={"settings": subject.settings})
