"""Start locks: of the processes of a host, one at a time looks for an instance and starts it.

Dapr's start takes the place of a finished instance without a word, so a start looks first. Between
hosts a moment is left: both look, one starts its instance, and that one finishes before the other
starts, all within a few milliseconds. Then the second takes the place of the first.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
from typing import TYPE_CHECKING, Final

from perdure.errors import BackendUnavailableError
from perdure.state_folder import make_private_folder
from perdure_dapr import faults

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

_FILES: Final = 64
_PAUSE_SECONDS: Final = 0.002
_PATIENCE_SECONDS: Final = 20.0


class StartLocks:
    """Locks by instance id, in a folder. For one event loop at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._here: dict[int, asyncio.Lock] = {}

    @contextlib.asynccontextmanager
    async def hold(self, instance_id: str) -> AsyncGenerator[None, None]:
        """Hold the lock of an id; ids that share a file wait for each other.

        Raises:
            BackendUnavailableError: The folder cannot be used, or somebody holds the lock too long.
        """
        number = hashlib.sha256(instance_id.encode()).digest()[0] % _FILES
        async with self._here.setdefault(number, asyncio.Lock()):
            descriptor = self._open(number)
            try:
                await self._lock(descriptor, number)
                yield
            finally:
                os.close(descriptor)

    def _open(self, number: int) -> int:
        path = self._folder / f"{number:02}.lock"
        try:
            make_private_folder(self._folder)
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            problem = f"{path} cannot be used to start one instance at a time: {error}"
            raise BackendUnavailableError(backend=faults.NAME, problem=problem) from error

    async def _lock(self, descriptor: int, number: int) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while True:
                    if _try_lock(descriptor):
                        return
                    await asyncio.sleep(_PAUSE_SECONDS)
        except TimeoutError:
            problem = f"another process has been starting an instance for long ({number:02}.lock)"
            raise BackendUnavailableError(backend=faults.NAME, problem=problem) from None


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
