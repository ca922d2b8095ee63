"""Reaching the store: tries that fail are repeated, and in the end say what to do."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from typing import TYPE_CHECKING, TypeVar

from perdure.errors import ConfigurationError, PayloadError, PayloadStoreError
from perdure.payloads.envelope import Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perdure.payloads.store import ObjectStore, Snapshot

T = TypeVar("T")

_DELAYS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)
_PATIENT_DELAYS = (*_DELAYS, *(6.4,) * 15)
_TRIES_OF_WHAT_IS_MISSING = 3

_logger = logging.getLogger(__name__)


class Keeper:
    """Puts the bytes of payloads into a store and gets them back, unharmed or not at all."""

    def __init__(self, store: ObjectStore, *, delays: Sequence[float] | None = None) -> None:
        """Use ``store``.

        Args:
            store: Where the objects are.
            delays: How long to wait, in seconds, after each try that failed, whoever asks.
        """
        self.store = store
        self._hasty = _DELAYS if delays is None else delays
        self._patient = _PATIENT_DELAYS if delays is None else delays

    def put(self, data: bytes, *, root: str, what: str) -> Reference:
        """Write an object named by what it holds. Doing it twice does it once.

        Raises:
            PayloadStoreError: The store cannot be reached.
        """
        digest = hashlib.sha256(data).hexdigest()
        self.insist(lambda: self.store.put(root, digest, data), what=what)
        return Reference(root=root, digest=digest, size=len(data))

    async def put_async(self, data: bytes, *, root: str, what: str, is_patient: bool) -> Reference:
        """Do as :meth:`put` without blocking."""
        digest = await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())
        await self.insist_async(
            lambda: self.store.put(root, digest, data), what=what, is_patient=is_patient
        )
        return Reference(root=root, digest=digest, size=len(data))

    def get(self, reference: Reference, *, what: str) -> bytes:
        """Return the bytes of an object.

        Raises:
            PayloadError: There is no such object, or it is not what was written.
            PayloadStoreError: The store cannot be reached.
        """
        return self.insist(lambda: self._read(reference, what), what=what)

    async def get_async(self, reference: Reference, *, what: str, is_patient: bool) -> bytes:
        """Do as :meth:`get` without blocking."""
        return await self.insist_async(
            lambda: self._read(reference, what), what=what, is_patient=is_patient
        )

    async def snapshot_async(self, root: str) -> Snapshot:
        """Return what belongs to ``root``. Raises as :meth:`put`."""
        return await self.insist_async(
            lambda: self.store.snapshot(root), what=_objects_of(root), is_patient=False
        )

    async def remove_async(self, root: str, found: Snapshot) -> int:
        """Remove what a snapshot holds, if nobody has written it again; return how many."""
        if not found:
            return 0
        return await self.insist_async(
            lambda: self.store.remove(root, found), what=_objects_of(root), is_patient=False
        )

    async def roots_async(self) -> list[str]:
        """Return the roots that own anything. Raises as :meth:`put`."""
        return await self.insist_async(self.store.roots, what="a sweep", is_patient=False)

    def insist(self, call: Callable[[], T], *, what: str) -> T:
        """Return what ``call`` returns, after as many tries as it takes.

        Raises:
            PayloadError: What is asked for is not there.
            PayloadStoreError: The store cannot be reached.
        """
        for attempt in range(len(self._patient) + 1):
            try:
                return call()
            except Exception as err:  # noqa: BLE001 - every file system has errors of its own
                time.sleep(self._delay(err, attempt, what=what, delays=self._patient))
        raise AssertionError("unreachable")

    async def insist_async(self, call: Callable[[], T], *, what: str, is_patient: bool) -> T:
        """Do as :meth:`insist` in a thread, so that the event loop stays free."""
        delays = self._patient if is_patient else self._hasty
        for attempt in range(len(delays) + 1):
            try:
                return await asyncio.to_thread(call)
            except Exception as err:  # noqa: BLE001 - as above
                await asyncio.sleep(self._delay(err, attempt, what=what, delays=delays))
        raise AssertionError("unreachable")

    def _delay(self, err: Exception, attempt: int, *, what: str, delays: Sequence[float]) -> float:
        """Return how long to wait before the next try, or raise what is to be said."""
        if isinstance(err, PayloadError):
            raise err
        if isinstance(err, FileNotFoundError) and attempt + 1 >= _TRIES_OF_WHAT_IS_MISSING:
            problem = (
                f"not in the payload store {self.store.url}: it was purged with the instance that "
                "it belongs to, or PERDURE_PAYLOADS names another store than when it was written"
            )
            raise PayloadError(what=what, problem=problem) from err
        if attempt >= len(delays) or isinstance(err, ConfigurationError):
            raise PayloadStoreError(
                store=self.store.url, what=what, problem=_problem_of(err)
            ) from err
        _logger.warning("the payload store %s fails, and is tried again: %r", self.store.url, err)
        return delays[attempt]

    def _read(self, reference: Reference, what: str) -> bytes:
        data = self.store.get(reference.root, reference.digest)
        if len(data) != reference.size or hashlib.sha256(data).hexdigest() != reference.digest:
            problem = (
                f"its object in the payload store {self.store.url}, {reference.root}/"
                f"{reference.digest}, is not what was written ({len(data):,} bytes, "
                f"{reference.size:,} expected); it was cut or altered: restore it from a backup"
            )
            raise PayloadError(what=what, problem=problem)
        return data


def _objects_of(root: str) -> str:
    return f"objects of workflow instance {root!r}"


def _problem_of(err: Exception) -> str:
    """Return the first line; some file systems add the whole answer of a server."""
    return str(err).strip().partition("\n")[0].strip() or repr(err)
