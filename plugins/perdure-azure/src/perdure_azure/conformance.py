"""How the conformance kit reaches a scheduler: the entry point ``perdure.conformance``."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from perdure.spi.values import Capability
from perdure.testing.target import BackendTarget

if TYPE_CHECKING:
    from pathlib import Path

    from perdure.testing.target import BackendServer

EMULATED: Final = frozenset(
    {
        Capability.RESTART,
        Capability.RERUN,
        Capability.START_AT,
        Capability.EXECUTION_TIMEOUT,
        Capability.TAGS,
    }
)
"""What the scheduler itself has not, or not in the form that is promised."""

_PATIENCE: Final = timedelta(seconds=45)


def make_target(url: str, *, folder: Path, server: BackendServer | None = None) -> BackendTarget:
    """Return the target of a running scheduler, reached as ``PERDURE_BACKEND`` says.

    Args:
        url: The value of that variable.
        folder: Where the kit keeps its files.
        server: What kills the scheduler and starts it again, where that is possible.
    """
    return BackendTarget(url, folder=folder, server=server, patience=_PATIENCE, emulated=EMULATED)
