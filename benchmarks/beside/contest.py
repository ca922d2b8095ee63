"""A contest: perdure beside one vendor's SDK, on a stack of their own."""

from __future__ import annotations

import os
import platform
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Protocol

from benchmarks.beside.pairing import Contestants, Pairing, Servers
from benchmarks.beside.results import Comparison
from benchmarks.beside.side import Side, SideFailedError
from perdure.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from benchmarks.beside.results import Measured
    from benchmarks.beside.workloads import Workload
    from perdure.stack import OptionValue


class StackServers(Servers, Protocol):
    """The servers of a stack, asked over a connection."""

    def close(self) -> None:
        """Hang up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """Whose SDK is on the other side, and where both run.

    Attributes:
        sdk: What tables call it.
        stack: The name of the stack.
        native_side: The module of its side.
        servers: Asks the servers of the stack, once it is up.
        conditions: Returns versions and settings of the stack that is up, by name.
        options: How the stack is brought up.
        variables: Returns what its side needs of the environment beyond what the stack exports.
        caveat: What must be said beside each table of times; nothing if nothing must.
    """

    sdk: str
    stack: str
    native_side: str
    servers: Callable[[Stack], StackServers]
    conditions: Callable[[Stack], Mapping[str, str]]
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    variables: Callable[[Stack], Mapping[str, str]] = field(default=lambda stack: {})
    caveat: str = ""


def compare(
    vendor: Vendor,
    workloads: Sequence[Workload],
    *,
    folder: Path,
    seed: int,
    given: Mapping[str, OptionValue],
    tell: Callable[[str], None],
) -> Comparison:
    """Measure workloads on a stack of their own, which is gone afterwards.

    Where a side ends, what was measured so far is returned: what it left running would disturb
    the rest.

    Args:
        vendor: Whose SDK is on the other side.
        workloads: What to measure.
        folder: An empty one, where all state is kept.
        seed: Of the order within pairs.
        given: Options of the stack in the place of the vendor's.
        tell: Takes words on how far it is.

    Raises:
        StackError: The stack cannot be brought up.
    """
    measured: list[Measured] = []
    stack = Stack(vendor.stack, folder / "stack", is_tied=True, tell=tell)
    stack.up({**vendor.options, **given})
    try:
        with closing(vendor.servers(stack)) as servers:
            contestants = _contestants(vendor, stack, folder)
            pairing = Pairing(contestants, servers, seed=seed, tell=tell)
            for workload in workloads:
                measured.append(pairing.measure(workload))
    except SideFailedError as error:
        tell(f"{workload.name}: {error}")
    finally:
        stack.down()
    conditions = {**_ours(), **vendor.conditions(stack), **machine(), "seed": str(seed)}
    return Comparison(
        theirs=vendor.sdk, caveat=vendor.caveat, conditions=conditions, workloads=measured
    )


def _contestants(vendor: Vendor, stack: Stack, folder: Path) -> Contestants:
    environment = {
        **stack.environment,
        # What perdure keeps on this host it keeps beside the servers' own state: one disk for all.
        "XDG_STATE_HOME": str(folder / "home"),
        **vendor.variables(stack),
    }

    def side(name: str, module: str) -> Callable[[], AbstractContextManager[Side]]:
        log = folder / f"{name}.log"
        return partial(Side, name, module=module, environment=environment, log=log)

    return Contestants(
        ours=side("perdure", "benchmarks.beside.perdure_side"),
        theirs=side(vendor.stack, vendor.native_side),
    )


def _ours() -> dict[str, str]:
    return {"perdure": version("perdure"), "grpcio": version("grpcio")}


def machine() -> dict[str, str]:
    """Return on what it was measured, and when."""
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, {platform.system()}",
        "Python": platform.python_version(),
        "day": datetime.now(UTC).date().isoformat(),
    }
