"""The backends whose servers get killed: which servers those are, and how often each is killed."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pytest

from perdure.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from perdure.stack import OptionValue

BACKENDS: Final = ("sqlite", "dapr", "azure")

_TARGETS: Final = {"dapr": {"daprd": 4, "scheduler": 2}, "azure": {"dts-stand-in": 5}}
_OPTIONS: Final[Mapping[str, Mapping[str, OptionValue]]] = {"azure": {"throttle": "off"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """A backend, up.

    Attributes:
        url: The value for ``PERDURE_BACKEND``.
        stack: Its servers, if it has any.
        targets: Which of them are killed, and how often beside the others.
    """

    url: str
    stack: Stack | None = None
    targets: Mapping[str, int] = field(default_factory=dict)

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
    """Bring a backend up, with all that it and this user's processes store in ``folder``."""
    with pytest.MonkeyPatch.context() as patch:
        # Where large payloads are: a client finds them where the workers put them.
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        if backend == "sqlite":
            yield Servers(url=f"sqlite:///{folder / 'perdure.db'}")
            return
        stack = Stack(backend, folder / "stack", is_tied=True)
        stack.up(_OPTIONS.get(backend, {}))
        try:
            yield Servers(url=stack.url, stack=stack, targets=_TARGETS[backend])
        finally:
            stack.down()
