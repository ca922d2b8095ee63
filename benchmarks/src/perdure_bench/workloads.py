"""Workloads: what a function of a suite is called with, one after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from perdure_bench.bench import side_seconds
from perdure_bench.cells import FASTEST, NATIVE, PERDURE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perdure_bench.bench import Bench

    Function = Callable[[Bench, Any], None]
    F = TypeVar("F", bound=Function)

ALL_WAYS = (PERDURE, FASTEST, NATIVE)
MARK = "workloads"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What a function of a suite measures; a suite derives its own from it.

    Attributes:
        name: For people.
        clients: With how many clients at once; a cell for each.
        ways: In which ways, as far as a backend has them.
        own_ways: In which others, that the suite has processes of its own for.
        backends: On which backends; ``None`` for all.
        in_smoke: Whether it is a part of the little that ``--smoke`` measures.
        passes: In how many passes at most; ``None`` for all. A count of something that is the same
            each time needs but one.
    """

    name: str
    clients: tuple[int, ...] = (1,)
    ways: tuple[str, ...] = ALL_WAYS
    own_ways: tuple[str, ...] = ()
    backends: tuple[str, ...] | None = None
    in_smoke: bool = False
    passes: int | None = None


def workloads(listed: Sequence[Workload]) -> Callable[[F], F]:
    """Return the decorator that has a function called for each workload in each cell.

    The function gets a ``bench`` and the ``workload``. Time is that of the sides.
    """

    def mark(function: F) -> F:
        marked: F = pytest.mark.benchmark(timer=side_seconds)(
            getattr(pytest.mark, MARK)(tuple(listed))(function)
        )
        return marked

    return mark
