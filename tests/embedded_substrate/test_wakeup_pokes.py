"""Wake-ups by datagrams, within one loop and across processes."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from typing import TYPE_CHECKING

from perdure.embedded.wakeup import Wakeup
from tests.embedded_substrate.sandbox import spawn

if TYPE_CHECKING:
    import pytest


class Receiver:
    """A wakeup that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[bool] = []
        self._has_heard = asyncio.Event()
        self.wakeup = Wakeup(self._on_poke)

    async def next(self) -> bool:
        async with asyncio.timeout(5):
            await self._has_heard.wait()
        self._has_heard.clear()
        return self.heard[-1]

    def _on_poke(self, is_hello: bool) -> None:
        self.heard.append(is_hello)
        self._has_heard.set()


async def test_poke_and_hello_arrive() -> None:
    sender, receiver = Receiver(), Receiver()
    sender.wakeup.poke([receiver.wakeup.port])
    assert await receiver.next() is False
    sender.wakeup.poke([receiver.wakeup.port], is_hello=True)
    assert await receiver.next() is True
    assert sender.heard == []
    sender.wakeup.close()
    receiver.wakeup.close()


async def test_many_pokes_are_one_call() -> None:
    receiver = Receiver()
    receiver.wakeup.poke([receiver.wakeup.port] * 100)
    receiver.wakeup.poke([receiver.wakeup.port], is_hello=True)
    assert await receiver.next() is True
    assert len(receiver.heard) == 1
    receiver.wakeup.close()


async def test_dead_and_absent_ports_are_no_error_and_keep_no_poke_back() -> None:
    sender, receiver, gone = Receiver(), Receiver(), Receiver()
    port = gone.wakeup.port
    gone.wakeup.close()
    gone.wakeup.close()
    assert gone.wakeup.port == 0
    for _ in range(3):
        sender.wakeup.poke([port, 0, receiver.wakeup.port])
        assert await receiver.next() is False
    gone.wakeup.poke([receiver.wakeup.port])
    sender.wakeup.close()
    receiver.wakeup.close()


async def test_datagrams_of_other_programs_are_ignored() -> None:
    receiver = Receiver()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for data in (b"", b"hello", bytes(2_000)):
            stranger.sendto(data, ("127.0.0.1", receiver.wakeup.port))
    receiver.wakeup.poke([receiver.wakeup.port])
    assert await receiver.next() is False
    assert receiver.heard == [False]
    receiver.wakeup.close()


async def test_without_a_loopback_there_is_a_warning_and_port_0(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("perdure.embedded.wakeup._HOST", "203.0.113.1")
    with caplog.at_level(logging.WARNING):
        receiver = Receiver()
    assert receiver.wakeup.port == 0
    assert "no loopback socket" in caplog.text
    receiver.wakeup.poke([4711])
    receiver.wakeup.close()


_ECHO = """
import asyncio
from perdure.embedded.wakeup import Wakeup

async def main():
    wakeup = Wakeup(lambda is_hello: wakeup.poke([int(sys.argv[1])]))
    print(wakeup.port, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_round_trip_to_another_process_takes_milliseconds() -> None:
    receiver = Receiver()
    with spawn(_ECHO, receiver.wakeup.port) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        seconds = []
        for _ in range(20):
            begin = time.perf_counter()
            receiver.wakeup.poke([port])
            await receiver.next()
            seconds.append(time.perf_counter() - begin)
        process.kill()
    receiver.wakeup.close()
    assert sorted(seconds)[10] < 0.05
