"""The attendant leaves a sidecar only when nothing is on its way; else daprd 1.18 serves nobody.

The sidecar is a stand-in, as a real one is slow only now and then: ``test_attendant.py`` has a real
one. What it is slow in was seen on a busy machine: 28 ms from an item that is given up to the next.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import grpc
import pytest

from perdure_dapr.attendant import Attendant

_INSTANCE = "waits"


class _Stream:
    """A stream of work items; it is the call itself, too."""

    def __init__(self, sidecar: _SlowSidecar) -> None:
        self._sidecar = sidecar
        self.items: asyncio.Queue[Any] = asyncio.Queue()
        self.has_item = False

    def __aiter__(self) -> _Stream:
        return self

    async def __anext__(self) -> Any:
        item = await self.items.get()
        if item is None:
            raise StopAsyncIteration
        return item

    def cancel(self) -> None:
        """Close it, and so give up what was handed out on it."""
        self.items.put_nowait(None)
        self._sidecar.close(self)

    async def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.CANCELLED


class _SlowSidecar:
    """Hands an instance out once for each reason, each some time after the one before is given up.

    Attributes:
        is_stranded: Whether one was on its way when no stream was left.
    """

    def __init__(self, *, reasons: int, seconds: float) -> None:
        self.connection = SimpleNamespace(work_items=self._open)
        self.is_stranded = False
        self.left = reasons
        self._seconds = seconds
        self._streams: list[_Stream] = []
        self._coming: asyncio.TimerHandle | None = None

    async def metadata(self) -> Any:
        return SimpleNamespace(connected_workers=len(self._streams), is_hosting=False)

    async def answers(self, *, seconds: float) -> bool:
        return True

    def close(self, stream: _Stream) -> None:
        self._streams.remove(stream)
        if stream.has_item:
            self._hand_out_later()
        if not self._streams and self._coming is not None:
            self.is_stranded = True

    def _open(self) -> _Stream:
        stream = _Stream(self)
        self._streams.append(stream)
        if len(self._streams) == 1 and self._coming is None:
            self._hand_out_later()
        return stream

    def _hand_out_later(self) -> None:
        if self.left:
            self.left -= 1
            loop = asyncio.get_running_loop()
            self._coming = loop.call_later(self._seconds, self._hand_out)

    def _hand_out(self) -> None:
        self._coming = None
        if self._streams:
            self._streams[-1].has_item = True
            request = SimpleNamespace(instanceId=_INSTANCE, newEvents=())
            item = SimpleNamespace(WhichOneof=lambda _: "workflowRequest", workflowRequest=request)
            self._streams[-1].items.put_nowait(item)


@pytest.mark.parametrize("seconds", [0.005, 0.05])
async def test_nothing_is_on_its_way_when_the_last_stream_closes(seconds: float) -> None:
    sidecar = _SlowSidecar(reasons=4, seconds=seconds)
    attendant = Attendant(cast("Any", sidecar))
    async with attendant.attending("another"):
        pass
    await attendant.close()
    assert not attendant.is_open
    assert sidecar.left == 0
    assert not sidecar.is_stranded
