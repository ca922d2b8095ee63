"""Calls that are given up leave nothing behind in the sidecar's store.

A driver of SQLite before 1.41 kept the statement of a read whose caller had left at its very start.
Its connection went on to show the store as it was then: what was started later seemed not to exist,
and where the read was that of a workflow's first turn, it never began. So the stack's servers are
built with a later one.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import grpc
import grpc.aio
import pytest

import perdure
from perdure import Status
from perdure_dapr import sdk
from perdure_dapr.address import parse_address

if TYPE_CHECKING:
    from perdure_dapr.stack import DaprStack

pytestmark = pytest.mark.timeout(120)

_CALLERS = 12
_CALLS_EACH = 2_000
_LONGEST_SECONDS = 0.003


def make_app(url: str) -> perdure.App:
    app = perdure.App("given-up", backend=url)

    @app.workflow(name="given_up_quick")
    async def quick(number: int) -> int:
        return number

    return app


async def give_up_calls(channel: grpc.aio.Channel, instance_id: str, seed: int) -> None:
    """Ask for an instance again and again, and leave at any moment of the answer."""
    moments = random.Random(seed)
    stub = sdk.workflow_stub(channel)
    for _ in range(_CALLS_EACH):
        call = stub.GetInstance(sdk.pb.GetInstanceRequest(instanceId=instance_id))
        await asyncio.sleep(moments.random() * _LONGEST_SECONDS)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)


async def test_after_calls_that_were_given_up_every_read_is_of_now(dapr_stack: DaprStack) -> None:
    app = make_app(dapr_stack.url)
    quick = app.workflows["given_up_quick"]
    target = parse_address(dapr_stack.url).target
    async with app.run() as client, grpc.aio.insecure_channel(target) as channel:
        first = await client.start(quick, 0)
        assert await first.result() == 0
        callers = [
            asyncio.create_task(give_up_calls(channel, first.instance_id, seed))
            for seed in range(_CALLERS)
        ]
        looked = 0
        while looked == 0 or not all(caller.done() for caller in callers):
            looked += 1
            handle = await client.start(quick, looked)
            assert await handle.result() == looked
            for _ in range(5):
                assert (await handle.info()).status is Status.COMPLETED
        await asyncio.gather(*callers)
