"""Wake-ups across processes: small datagrams on the loopback that say "look at the file now".

They carry no data and may get lost: whoever misses one looks at the file once a second anyway.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_log = logging.getLogger(__name__)

_HOST: Final = "127.0.0.1"
# A port may have passed to another program since its owner died, so the datagrams say whose they
# are.
_POKE: Final = b"perdure poke"
_HELLO: Final = b"perdure hello"
_MAX_DRAINED: Final = 1_000


class Wakeup:
    """One UDP socket of this process, read by the event loop that runs when it is made."""

    def __init__(self, on_poke: Callable[[bool], object]) -> None:
        """Begin to listen.

        Args:
            on_poke: Called on the loop once for all pokes that have come since the last call; with
                ``True`` if one of them was a hello: the set of processes has changed.
        """
        self._on_poke = on_poke
        self._loop = asyncio.get_running_loop()
        self._socket = _listen()
        if self._socket is not None:
            self._loop.add_reader(self._socket, self._drain)

    @property
    def port(self) -> int:
        """Where others poke this process; 0 if the loopback cannot be used, and nobody can."""
        return 0 if self._socket is None else int(self._socket.getsockname()[1])

    def poke(self, ports: Iterable[int], *, is_hello: bool = False) -> None:
        """Wake the processes that listen on ``ports``. Never blocks, never fails."""
        if self._socket is None:
            return
        message = _HELLO if is_hello else _POKE
        for port in ports:
            if port:
                try:
                    self._socket.sendto(message, (_HOST, port))
                except OSError:
                    # Full, or the refusal of an earlier one to a dead process. Its next look will
                    # do.
                    _log.debug("could not wake the process on port %d", port)

    def close(self) -> None:
        """Stop listening. May be called twice."""
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _drain(self) -> None:
        messages = set()
        for _ in range(_MAX_DRAINED):
            try:
                messages.add(self._socket.recv(64) if self._socket else b"")
            except BlockingIOError:
                break
            except OSError:  # a refusal that belongs to a datagram sent before
                continue
        if _HELLO in messages or _POKE in messages:
            self._on_poke(_HELLO in messages)


def _listen() -> socket.socket | None:
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        listener.setblocking(False)
        listener.bind((_HOST, 0))
    except OSError as error:
        listener.close()
        _log.warning(
            "no loopback socket (%s): other processes are heard of only once a second", error
        )
        return None
    return listener
