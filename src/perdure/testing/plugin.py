"""The pytest plugin, loaded by ``-p perdure.testing.plugin``.

Async tests, the manual clock, and the conformance kit: its fixtures, its marker ``capability`` and
its report.
"""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from perdure.testing.hub import BackendHub
from perdure.testing.manual_clock import ManualClock
from perdure.testing.results import ResultCollector, tell
from perdure.testing.target import make_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from perdure.testing.target import BackendTarget

# Contracts are imported after this, by the suites; their asserts then say what they compared.
pytest.register_assert_rewrite("perdure.testing.contract")

CAPABILITY_MARK = "capability"
_NO_TARGET = (
    "no backend to hold to the contracts: override the fixture backend_target, "
    "or say --conformance-backend VALUE"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the kit's options."""
    group = parser.getgroup("conformance", "perdure's conformance kit")
    group.addoption("--conformance-backend", metavar="VALUE", help="as for PERDURE_BACKEND")
    group.addoption("--conformance-factory", metavar="MODULE:NAME", help="what makes the backend")
    group.addoption(
        "--conformance-report",
        metavar="FILE",
        type=Path,
        help="write what held to FILE: JSON, or Markdown where it ends in .md",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and, where one is asked for, the report."""
    config.addinivalue_line(
        "markers", f"{CAPABILITY_MARK}(name): only for backends that declare this capability"
    )
    report = config.getoption("--conformance-report")
    if report is not None and not hasattr(config, "workerinput"):  # a process of pytest-xdist
        config.pluginmanager.register(ResultCollector(report), "perdure-conformance-report")


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


@pytest.fixture
def backend_target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BackendTarget]:
    """Return how the backend under test is reached. A suite overrides this, and closes it."""
    backend = request.config.getoption("--conformance-backend")
    if backend is None:
        pytest.fail(_NO_TARGET, pytrace=False)
    factory = request.config.getoption("--conformance-factory")
    target = make_target(backend, folder=tmp_path, factory=factory)
    yield target
    target.close()


@pytest.fixture
def backend_hub(
    request: pytest.FixtureRequest, backend_target: BackendTarget
) -> Iterator[BackendHub]:
    """Return the backend, open, with a worker in this process, on a manual clock if it can."""
    with BackendHub(backend_target, request.cls.registry) as hub:
        _prepare(request, hub)
        hub.run_worker()
        yield hub


@pytest.fixture
def process_hub(
    request: pytest.FixtureRequest, backend_target: BackendTarget
) -> Iterator[BackendHub]:
    """Return the backend, open, in real time, without a worker: the contract starts processes."""
    with BackendHub(backend_target, request.cls.registry, is_in_real_time=True) as hub:
        _prepare(request, hub)
        yield hub
    backend_target.close()


def _prepare(request: pytest.FixtureRequest, hub: BackendHub) -> None:
    tell(request.node, hub)
    for mark in request.node.iter_markers(CAPABILITY_MARK):
        if mark.args[0] not in hub.capabilities:
            pytest.skip("not declared")
