"""The pytest plugin, loaded by ``-p perdure.testing.plugin``: async tests and fixtures."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING

import pytest

from perdure.testing.manual_clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an ``async def`` test on a fresh event loop, unless another plugin has wrapped it."""
    test: Callable[..., object] = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    asyncio.run(test(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture
def manual_clock() -> ManualClock:
    """Return a clock that stands still until it is told to move."""
    return ManualClock()
