"""The backends that get killed: what their servers are, and which of those are killed how often."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from perdure.stack import TiedStack

WORKER = "worker"
BACKENDS = ("sqlite", "dapr", "azure")
_TARGETS = {"dapr": {"daprd": 4, "scheduler": 2}, "azure": {"dts-stand-in": 5}}


@dataclass(frozen=True, kw_only=True)
class Servers:
    """A backend, up.

    Attributes:
        url: The value for ``PERDURE_BACKEND``.
        targets: What is killed, and how often beside the others.
        stack: Its servers, if it has any.
    """

    url: str
    targets: Mapping[str, int]
    stack: TiedStack | None = None

    def kill(self, server: str) -> None:
        """Kill one."""
        assert self.stack is not None
        self.stack.kill(server)

    def start(self, server: str) -> None:
        """Start it again."""
        assert self.stack is not None
        self.stack.start(server)


@contextlib.contextmanager
def servers_of(backend: str, folder: Path) -> Iterator[Servers]:
    """Bring a backend up, with all that it stores in ``folder``."""
    if backend == "sqlite":
        yield Servers(url=f"sqlite:///{folder / 'perdure.db'}", targets={WORKER: 8})
        return
    with _stack(backend, folder / "stack") as stack:
        yield Servers(url=stack.url, stack=stack, targets={WORKER: 8, **_TARGETS[backend]})


def _stack(backend: str, folder: Path) -> TiedStack:
    # One process cannot load the messages of both vendors' SDKs; here it loads only the stacks.
    if backend == "dapr":
        from perdure_dapr.stack import DaprStack

        return DaprStack(folder)
    from perdure_azure.stack import AzureStack, StackOptions

    return AzureStack(folder, StackOptions(throttle="off"))
