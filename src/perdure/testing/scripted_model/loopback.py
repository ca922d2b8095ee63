"""An HTTP server on loopback, which can close a connection in the middle of an answer."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from perdure.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

HOST: Final = "127.0.0.1"

CLOSE_EXTENSION: Final = "perdure.close_connection"
"""In a request's ``extensions``: a function that closes its connection, after what was sent."""


class LoopbackServer(uvicorn.Server):
    """Serves one application, until ``should_exit`` is set or a signal comes.

    Use :meth:`serve` with a socket from :func:`bind`.
    """

    def __init__(self, application: ASGIApp, *, when_ready: Callable[[], object]) -> None:
        self._application = application
        self._when_ready = when_ready
        config = uvicorn.Config(
            self._serve_request,
            interface="asgi3",
            http="h11",
            proxy_headers=False,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
        )
        super().__init__(config)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve, and say so."""
        await super().startup(sockets=sockets)
        self._when_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close all connections, also those that hang, and end."""
        for connection in list(self.server_state.connections):
            connection.transport.close()
        await super().shutdown(sockets=sockets)

    async def _serve_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        # ASGI has no way to break a connection off: returning early makes an error 500.
        scope["extensions"] = {CLOSE_EXTENSION: lambda: self._close(scope["client"])}
        await self._application(scope, receive, send)

    def _close(self, client: tuple[str, int]) -> None:
        for connection in list(self.server_state.connections):
            if isinstance(connection, H11Protocol) and connection.client == client:
                connection.transport.close()


def bind(port: int) -> socket.socket:
    """Return a socket that listens on loopback; 0 is a free port.

    Raises:
        ConfigurationError: The port is taken.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # A server that was killed leaves connections behind; the next one takes its port all the same.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise ConfigurationError(
            setting=f"port {port}", problem=f"cannot be listened on: {error}; 0 finds a free one"
        ) from error
    return listening


def url_of(listening: socket.socket) -> str:
    """Return the base URL for clients."""
    return f"http://{HOST}:{listening.getsockname()[1]}/v1"
