"""A Dapr stack that belongs to one process: for tests, benchmarks and crash campaigns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.stack import DEFAULT_WAIT_SECONDS, TiedStack
from perdure_dapr.stack.kind import DaprStackKind, url_of
from perdure_dapr.stack.options import StackOptions
from perdure_dapr.stack.servers import SIDECAR

if TYPE_CHECKING:
    from pathlib import Path

    from perdure.stack import Tell


class DaprStack(TiedStack):
    """Dapr on loopback, up within ``with``, and gone with this process however that ends.

    ::

        with DaprStack(folder, StackOptions(sidecars=2)) as stack:
            run_program(environment=stack.environment)
            stack.kill("daprd")
            stack.start("daprd")       # the same state and ports; returns once it is healthy

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
            kind=DaprStackKind(),
            given=self.options.as_given(),
            wait_seconds=wait_seconds,
            tell=tell,
        )

    @property
    def urls(self) -> dict[str, str]:
        """The value for ``PERDURE_BACKEND`` of each sidecar, by its name."""
        servers = (part.server for part in self.record().servers)
        return {server.name: url_of(server) for server in servers if SIDECAR in server.name}
