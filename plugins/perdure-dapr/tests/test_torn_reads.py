"""A read that met a write is made again, however slow the sidecar is; damage is told.

The sidecar is a stand-in: a real one reads an instance in two parts without a lock
(``LoadWorkflowState``, pkg/runtime/wfengine/state/state.go), and tears it only now and then.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import grpc
import pytest

from perdure_dapr import sdk
from perdure_dapr.address import Address
from perdure_dapr.connection import Connection
from perdure_dapr.faults import TornReadError
from perdure_dapr.sidecar import Sidecar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_SERVICE = "TaskHubSidecarService"
_TORN = "inbox key 'inbox-000000' declared in metadata (inboxLength=2) but missing from state store"


class _TearingSidecar:
    """Answers looks at instances; the first so many of them are torn.

    Attributes:
        looks: How many it has been asked for.
    """

    def __init__(self, *, torn: int) -> None:
        self.looks = 0
        self._torn = torn

    async def GetInstance(self, request: Any, context: Any) -> Any:
        self.looks += 1
        if self.looks <= self._torn:
            await context.abort(grpc.StatusCode.UNKNOWN, _TORN)
        answer = sdk.pb.GetInstanceResponse(exists=True)
        answer.workflowState.instanceId = request.instanceId
        return answer


@asynccontextmanager
async def _looking_at(tearing: _TearingSidecar) -> AsyncIterator[Sidecar]:
    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(
        cast("Any", tearing.GetInstance),
        request_deserializer=sdk.pb.GetInstanceRequest.FromString,
        response_serializer=sdk.pb.GetInstanceResponse.SerializeToString,
    )
    service = grpc.method_handlers_generic_handler(_SERVICE, {"GetInstance": handler})
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    connection = Connection(Address(target=f"127.0.0.1:{port}"))
    connection.open()
    try:
        yield Sidecar(connection)
    finally:
        await connection.close()
        await server.stop(None)


@pytest.mark.parametrize("torn", [1, 8])
async def test_what_met_a_write_is_read_again(torn: int) -> None:
    tearing = _TearingSidecar(torn=torn)
    async with _looking_at(tearing) as sidecar:
        state = await sidecar.state("busy")
    assert state is not None
    assert state.instanceId == "busy"
    assert tearing.looks == torn + 1


async def test_what_stays_torn_is_told_after_many_looks() -> None:
    tearing = _TearingSidecar(torn=1_000)
    async with _looking_at(tearing) as sidecar:
        with pytest.raises(TornReadError, match=r"damaged by a fault of daprd"):
            await sidecar.state("broken")
    assert 10 < tearing.looks < 100


@pytest.mark.parametrize("elapsed_seconds", [0.0, 3.0, 60.0])
async def test_a_sidecar_that_is_slow_to_answer_is_asked_as_often(elapsed_seconds: float) -> None:
    torn = TornReadError(backend="dapr", problem=_TORN)
    connection = Connection(Address(target="127.0.0.1:1"))
    pauses: list[float] = []
    while (
        pause := connection.seconds_until_repeat(
            torn, repeats=len(pauses), elapsed_seconds=elapsed_seconds
        )
    ) is not None:
        pauses.append(pause)
        assert len(pauses) < 100
    assert len(pauses) > 10
    assert sum(pauses) < 3
