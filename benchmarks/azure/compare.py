"""perdure beside Microsoft's own SDK, on one stand-in: ``python -m benchmarks.beside azure``.

Needs the plugin ``perdure-azure``. The stand-in is local and another program than Durable Task
Scheduler: what a time says is how much each SDK adds, and nothing of that service.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from benchmarks.azure.servers import AzureServers, endpoint_of
from benchmarks.beside.contest import Vendor

if TYPE_CHECKING:
    from perdure.stack import Stack


def _conditions(stack: Stack) -> dict[str, str]:
    record = stack.record()
    return {
        "stand-in": ", ".join(sorted(set(record.versions.values()))),
        "durabletask.azuremanaged": version("durabletask.azuremanaged"),
        "throttle": str(record.options["throttle"]),
        "round trip": str(record.options["round_trip"]),
    }


def _variables(stack: Stack) -> dict[str, str]:
    """Return what Microsoft's samples read."""
    endpoint, hub = endpoint_of(stack)
    return {"ENDPOINT": f"http://{endpoint}", "TASKHUB": hub}


VENDOR = Vendor(
    sdk="Microsoft's SDK",
    stack="azure",
    native_side="benchmarks.azure.native_side",
    servers=AzureServers,
    conditions=_conditions,
    options={"throttle": "off"},
    variables=_variables,
    caveat=(
        "Times are those of perdure's local stand-in, not of Durable Task Scheduler: "
        "only the ratios mean something."
    ),
)
