"""Ports on loopback: free when they are chosen, and nobody else's while a stack is in use."""

from __future__ import annotations

import errno
import secrets
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

LOOPBACK: Final = "127.0.0.1"
_EPHEMERAL: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST: Final = 10_000
_HIGHEST: Final = 65_535
_ATTEMPTS: Final = 500


class PortBook:
    """Hands out free ports by name, the same number again for the same name where it is free.

    Each port stays bound, but not listening, until :meth:`close`. On Linux a server that sets
    ``SO_REUSEADDR``, as servers do, can listen on it all the same, while a stranger who looks for a
    free port finds it taken, even while the server is down.
    """

    def __init__(self, kept: Mapping[str, int]) -> None:
        self._kept = kept
        self._held: list[socket.socket] = []
        self._taken: dict[str, int] = {}
        self._lowest, self._highest = _quiet_range()

    @property
    def moved(self) -> Mapping[str, tuple[int, int]]:
        """The ports that had to change, by name: the old number and the new one."""
        return {
            name: (self._kept[name], port)
            for name, port in self._taken.items()
            if self._kept.get(name, port) != port
        }

    def take(self, name: str) -> int:
        """Return a free port for ``name``.

        Raises:
            OSError: None of very many was free.
        """
        port = self._kept.get(name)
        if port is None or not self.hold(port):
            port = self._take_new(name)
        self._taken[name] = port
        return port

    def hold(self, port: int) -> bool:
        """Hold a port that was ours before; return whether nobody else listens on it."""
        return self._bind(port, is_new=False)

    def close(self) -> None:
        """Let go of all ports. May be called twice."""
        for held in self._held:
            held.close()
        self._held.clear()

    def _take_new(self, name: str) -> int:
        for _ in range(_ATTEMPTS):
            port = self._lowest + secrets.randbelow(self._highest - self._lowest + 1)
            if self._bind(port, is_new=True):
                return port
        raise OSError(errno.EADDRINUSE, f"no free port found on {LOOPBACK} for {name}")

    def _bind(self, port: int, *, is_new: bool) -> bool:
        holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            # A new port must be nobody's, held ones included, so the option comes after the bind;
            # an old one may have connections of ours that linger, which only the option allows.
            if not is_new:
                holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind((LOOPBACK, port))
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        except OSError:
            holder.close()
            return False
        self._held.append(holder)
        return True


def _quiet_range() -> tuple[int, int]:
    """Return ports that the system does not give to outgoing connections.

    One of those could take the port of a server that is down for a moment.
    """
    try:
        low, high = (int(word) for word in _EPHEMERAL.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return _LOWEST, 32_767  # what is quiet on Linux by default, and on macOS too
    below, above = low - _LOWEST, _HIGHEST - high
    return (_LOWEST, low - 1) if below >= above else (high + 1, _HIGHEST)
