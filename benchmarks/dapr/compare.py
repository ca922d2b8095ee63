"""perdure beside Dapr's own SDK, on one stack: ``python -m benchmarks.beside dapr``.

Needs the plugin ``perdure-dapr``. What is running on this machine besides widens the bounds.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from benchmarks.beside.contest import Vendor
from benchmarks.dapr.servers import DaprServers

if TYPE_CHECKING:
    from perdure.stack import Stack


def _conditions(stack: Stack) -> dict[str, str]:
    return {
        "Dapr runtime": ", ".join(sorted(set(stack.record().versions.values()))),
        "Dapr SDK": version("dapr"),
        "state store": "state.sqlite",
    }


VENDOR = Vendor(
    sdk="Dapr's SDK",
    stack="dapr",
    native_side="benchmarks.dapr.native_side",
    servers=DaprServers,
    conditions=_conditions,
)
