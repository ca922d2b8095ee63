"""A stand-in that belongs to one process: for tests, benchmarks and crash campaigns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.stack import DEFAULT_WAIT_SECONDS, LOOPBACK, TiedStack
from perdure_azure.stack.build import PROGRAM
from perdure_azure.stack.kind import AzureStackKind
from perdure_azure.stack.options import StackOptions
from perdure_azure.stack.servers import connection_string, endpoint_of, url_of

if TYPE_CHECKING:
    from pathlib import Path

    from perdure.stack import Server, Tell


class AzureStack(TiedStack):
    """The stand-in, up within ``with``, and gone with this process however that ends.

    ::

        with AzureStack(folder, StackOptions(round_trip="cross-region")) as stack:
            run_program(environment=stack.environment)
            stack.kill("dts-stand-in")
            stack.start("dts-stand-in")  # the same state and ports; returns once it is healthy

    Args:
        folder: Where it lives; its state is kept there for the next one.
        options: How it shall be.
        wait_seconds: How long it may take to become healthy.
        tell: Takes words for the user, such as how far a build is.
    """

    def __init__(
        self,
        folder: Path,
        options: StackOptions | None = None,
        *,
        wait_seconds: float = DEFAULT_WAIT_SECONDS,
        tell: Tell | None = None,
    ) -> None:
        self.options = options or StackOptions()
        super().__init__(
            folder,
            kind=AzureStackKind(),
            given=self.options.as_given(),
            wait_seconds=wait_seconds,
            tell=tell,
        )

    @property
    def target(self) -> str:
        """Where its gRPC is, as ``host:port``."""
        return f"{LOOPBACK}:{self.record().ports[f'{PROGRAM}.grpc']}"

    @property
    def admin_url(self) -> str:
        """Where it tells of itself: ``/status``, ``/actions?hub=…`` and ``/calls?hub=…``."""
        return f"http://{LOOPBACK}:{self.record().ports[f'{PROGRAM}.admin']}"

    def url_of(self, hub: str) -> str:
        """Return the value for ``PERDURE_BACKEND`` that reaches ``hub``."""
        return url_of(self._server, hub, is_secure=self.options.tls)

    def connection_string(self, hub: str) -> str:
        """Return the connection string of ``hub``."""
        endpoint = endpoint_of(self._server, is_secure=self.options.tls)
        return connection_string(endpoint, hub)

    @property
    def _server(self) -> Server:
        return self.record().servers[0].server
