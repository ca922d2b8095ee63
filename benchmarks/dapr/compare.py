"""perdure beside Dapr's own SDK, on one stack: ``python -m benchmarks.beside dapr``.

Needs the plugin ``perdure-dapr``. What is running on this machine besides widens the bounds.
"""

from __future__ import annotations

import os
import platform
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

from benchmarks.beside.pairing import Contestants, Pairing
from benchmarks.beside.results import Comparison
from benchmarks.beside.side import Side, SideFailedError
from benchmarks.dapr.servers import DaprServers
from perdure.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmarks.beside.results import Measured
    from benchmarks.beside.workloads import Workload

STACK = "dapr"


def compare(
    workloads: Sequence[Workload], *, folder: Path, seed: int, tell: Callable[[str], None]
) -> Comparison:
    """Measure workloads on a stack of their own, which is gone afterwards.

    Where a side ends, what was measured so far is returned: what it left running would disturb
    the rest.

    Args:
        workloads: What to measure.
        folder: An empty one, where all state is kept.
        seed: Of the order within pairs.
        tell: Takes words on how far it is.

    Raises:
        StackError: The stack cannot be brought up.
    """
    measured: list[Measured] = []
    stack = Stack(STACK, folder / "stack", is_tied=True, tell=tell)
    stack.up()
    try:
        with closing(DaprServers(stack)) as servers:
            pairing = Pairing(_contestants(stack, folder), servers, seed=seed, tell=tell)
            for workload in workloads:
                measured.append(pairing.measure(workload))
    except SideFailedError as error:
        tell(f"{workload.name}: {error}")
    finally:
        stack.down()
    return Comparison(conditions=_conditions(stack, seed=seed), workloads=measured)


def _contestants(stack: Stack, folder: Path) -> Contestants:
    environment = {
        **stack.environment,
        # What perdure keeps on this host it keeps beside the servers' own state: one disk for all.
        "XDG_STATE_HOME": str(folder / "home"),
    }
    side = partial(Side, environment=environment)
    return Contestants(
        ours=partial(
            side, "perdure", module="benchmarks.beside.perdure_side", log=folder / "perdure.log"
        ),
        theirs=partial(
            side, "dapr", module="benchmarks.dapr.native_side", log=folder / "native.log"
        ),
    )


def _conditions(stack: Stack, *, seed: int) -> dict[str, str]:
    return {
        "perdure": version("perdure"),
        "Dapr runtime": ", ".join(sorted(set(stack.record().versions.values()))),
        "Dapr SDK": version("dapr"),
        "grpcio": version("grpcio"),
        "state store": "state.sqlite",
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, {platform.system()}",
        "Python": platform.python_version(),
        "day": datetime.now(UTC).date().isoformat(),
        "seed": str(seed),
    }
