"""The plugin of pytest that makes cells of workloads, orders them, and keeps what they give."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from perdure.errors import PerdureError
from perdure.stack import StackError
from perdure_bench.bench import Bench
from perdure_bench.cells import NATIVE, Cell, Found
from perdure_bench.places.choosing import declared_ways
from perdure_bench.places.place import PlaceError
from perdure_bench.sides.process import SideTimedOutError
from perdure_bench.workloads import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from perdure_bench.session import Asked, Session
    from perdure_bench.workloads import Workload

_UNAVAILABLE = (StackError, PlaceError, PerdureError, ImportError)
_SUITE_PREFIX = "bench_"


class BenchPlugin:
    """Given to ``pytest.main`` for one session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.failed = 0
        self._is_done = {found.cell for found in session.run.cells if found.status == "ok"}

    def pytest_configure(self, config: pytest.Config) -> None:
        """Declare the mark."""
        config.addinivalue_line("markers", f"{MARK}(listed): the workloads of a function")

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Call a function of a suite for each of its cells."""
        mark = metafunc.definition.get_closest_marker(MARK)
        if mark is None:
            return
        suite = metafunc.module.__name__.rpartition(".")[2].removeprefix(_SUITE_PREFIX)
        listed: Sequence[Workload] = mark.args[0]
        cells = [
            (cell, workload)
            for workload in listed
            for cell in cells_of(workload, suite=suite, asked=self.session.asked)
        ]
        names = [f"{cell}, pass {cell.number}" for cell, _ in cells]
        metafunc.parametrize(("cell", "workload"), cells, ids=names)

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Put the cells into an order drawn anew for each pass; leave out those that are there."""
        # A function without a cell is a single item that would be skipped.
        items[:] = [item for item in items if isinstance(item.callspec.params["cell"], Cell)]  # type: ignore[attr-defined]  # of a function's items
        drawing = random.Random(self.session.asked.seed)
        drawing.shuffle(items)
        items.sort(key=lambda item: _cell_of(item).number)
        left_out = [item for item in items if _cell_of(item) in self._is_done]
        items[:] = [item for item in items if _cell_of(item) not in self._is_done]
        config.hook.pytest_deselected(items=left_out)
        self.session.total = len(items)

    @pytest.fixture
    def bench(self, cell: Cell, benchmark: Any) -> Bench:
        """Give what a function of a suite works with."""
        return Bench(cell, self.session, benchmark)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Iterator[None]:
        """Keep why a cell has nothing."""
        if call.excinfo is not None and call.when in ("setup", "call"):
            error = call.excinfo.value
            if not isinstance(error, KeyboardInterrupt):
                self._note_failure(_cell_of(item), error)
        return (yield)

    def _note_failure(self, cell: Cell, error: BaseException) -> None:
        self.failed += 1
        status = "failed"
        if isinstance(error, SideTimedOutError):
            status = "timed out"
        elif isinstance(error, _UNAVAILABLE):
            status = "unavailable"
        self.session.mark_broken(cell.backend)
        note = f"{type(error).__name__}: {error}"
        self.session.add(Found(cell=cell, status=status, note=note))  # type: ignore[arg-type]  # one of its words


def cells_of(workload: Workload, *, suite: str, asked: Asked) -> list[Cell]:
    """Return the cells of a workload."""
    if asked.is_smoke and not workload.in_smoke:
        return []
    if asked.only and not any(part in workload.name for part in asked.only):
        return []
    passes = asked.passes if workload.passes is None else min(asked.passes, workload.passes)
    return [
        Cell(
            suite=suite,
            workload=workload.name,
            backend=backend,
            way=way,
            clients=clients,
            number=number,
        )
        for number in range(1, passes + 1)
        for backend in asked.backends
        if workload.backends is None or backend in workload.backends
        for way in (*declared_ways(backend), *workload.own_ways)
        if way in (*workload.ways, *workload.own_ways)
        and (asked.is_native or not way.startswith(NATIVE))
        for clients in workload.clients
    ]


def _cell_of(item: pytest.Item) -> Cell:
    cell: Cell = item.callspec.params["cell"]  # type: ignore[attr-defined]  # of a function's items
    return cell
