"""An app under test: on the real engine, temporary storage, and a clock that the test moves."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from perdure._session import Opening, Session, SessionPool
from perdure.client import Client
from perdure.testing.manual_clock import DEFAULT_START, ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping
    from datetime import datetime

    from perdure._link import Link
    from perdure._program import RegistryProgram
    from perdure.activity import Activity
    from perdure.clock import Clock
    from perdure.embedded.backend import EmbeddedBackend
    from perdure.registry import Registry

_NO_ACTIVITIES: Mapping[Activity[..., Any] | str, Callable[..., Any]] = MappingProxyType({})
_SETTLE_SECONDS = 20.0
_MICROSECOND = timedelta(microseconds=1)


class Environment:
    """An app that runs under test. Get it from :func:`run_in_memory`.

    Attributes:
        client: A client of the app.
    """

    def __init__(
        self, link: Link, *, backend: EmbeddedBackend, registry: Registry, clock: ManualClock
    ) -> None:
        self.client = Client(link, registry=registry)
        self._call = link.caller
        self._backend = backend
        self._clock = clock

    @property
    def now(self) -> datetime:
        """The instant that the app sees."""
        return self._clock.now

    async def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> None:
        """Let time pass: deadline by deadline, each time until the app has nothing more to do.

        Activities run in real time, and this waits for them.

        Raises:
            TimeoutError: Activities kept it waiting for 20 seconds of real time.
            ValueError: Time cannot go back.
        """
        duration = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if duration < timedelta():
            raise ValueError(f"time cannot go back, and {duration} is negative")
        await self._call(self._advance(duration // _MICROSECOND), timeout_seconds=None)

    async def settle(self) -> None:
        """Wait, without letting time pass, until the app has nothing more to do.

        Raises:
            TimeoutError: Activities kept it waiting for 20 seconds of real time.
        """
        await self.advance()

    async def _advance(self, duration_us: int) -> None:
        target_us = self._clock.now_us() + duration_us
        await self._settle()
        while (deadline_us := self._clock.next_deadline_us()) is not None:
            if deadline_us > target_us:
                break
            self._clock.move_to(deadline_us)
            await self._settle()
        self._clock.move_to(target_us)
        await self._settle()

    async def _settle(self) -> None:
        try:
            async with asyncio.timeout(_SETTLE_SECONDS):
                await self._backend.settle()
        except TimeoutError as error:
            raise TimeoutError(
                f"the app did not come to rest within {_SETTLE_SECONDS:g} s of real time; is an "
                "activity waiting for something? Replace it: run_in_memory(app, activities={…})"
            ) from error


@contextlib.asynccontextmanager
async def run_in_memory(
    app: Registry,
    *,
    activities: Mapping[Activity[..., Any] | str, Callable[..., Any]] = _NO_ACTIVITIES,
    start: datetime = DEFAULT_START,
) -> AsyncGenerator[Environment, None]:
    """Run an app under test, with the real engine, temporary storage and a clock that stands still.

    Args:
        app: The app, or a registry.
        activities: Functions to run instead of activities, by activity or by its name.
        start: The instant at which it begins.

    Raises:
        ActivityNotRegisteredError: There is no such activity to replace.
        ValueError: ``start`` has no time zone.
    """
    clock = ManualClock(start)

    def make_program(clock: Clock) -> RegistryProgram:
        from perdure._program import RegistryProgram

        return RegistryProgram(app, overrides=activities, clock=clock)

    with tempfile.TemporaryDirectory(prefix="perdure-", ignore_cleanup_errors=True) as folder:
        backend = _make_backend(Path(folder), clock)
        pool = SessionPool(lambda: Session(name="test", clock=clock, make_backend=lambda: backend))
        opening = Opening(pool, make_program=make_program, drain_timeout=timedelta())
        link = await opening.open()
        try:
            yield Environment(link, backend=backend, registry=app, clock=clock)
        finally:
            await opening.close()


def _make_backend(folder: Path, clock: ManualClock) -> EmbeddedBackend:
    from perdure.embedded.backend import EmbeddedBackend
    from perdure.embedded.location import Location

    return EmbeddedBackend(Location(path=folder.resolve() / "test.db"), clock=clock)
