"""The two sides of a campaign on Dapr, and the servers that they run on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from campaign.vendor_view import is_torn, nudge, vendor_views

from perdure.spi.bridge import EVENT_CHANNEL, WAKE_EVENT, encode_event, to_text
from perdure_dapr.stack import DaprStack, StackOptions
from tests.campaign import shapes
from tests.campaign.crew import Side
from tests.campaign.schedule import WORKER, Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

TESTS: Final = Path(__file__).parents[1]
PLACEMENT: Final = "placement"
SCHEDULER: Final = "scheduler"
SIDECAR: Final = "daprd"
TARGETS: Final = {WORKER: 8, SIDECAR: 6, SCHEDULER: 3, PLACEMENT: 3}

PERDURE: Final = Side(
    name="perdure",
    folder=TESTS,
    worker="tests.campaign.perdure_worker",
    calls="tests.campaign.perdure_client",
    workflows=tuple(sorted(shapes.EXPECTED)),
    nudge=(EVENT_CHANNEL, to_text(encode_event(WAKE_EVENT, "null"))),
)
NATIVE: Final = Side(
    name="native SDK",
    folder=TESTS,
    worker="campaign.native_worker",
    calls="campaign.native_client",
    # It has no at-most-once activities and no children that outlive their parent.
    workflows=tuple(sorted(set(shapes.EXPECTED) - {shapes.CAREFUL, shapes.FOUNDER})),
    nudge=("nudge", "null"),
    environment={"DAPR_API_TIMEOUT_SECONDS": "5"},
)


class Dapr:
    """A Dapr runtime; see :class:`tests.campaign.campaign.Vendor`."""

    # A sidecar is healthy only once it has found its control plane.
    order: tuple[str, ...] = (PLACEMENT, SCHEDULER)

    def servers(self, plan: Plan, folder: Path) -> DaprStack:
        """Bring it up."""
        return DaprStack(folder, StackOptions(app_id="campaign", sidecars=plan.servers))

    def url(self, servers: Any, name: str) -> str:
        """Return the value for ``PERDURE_BACKEND``."""
        url: str = servers.urls[name]
        return url

    def environment(self, url: str) -> Mapping[str, str]:
        """Return the variable by which Dapr's own SDK finds its sidecar."""
        return {"DAPR_GRPC_PORT": _port(url)}

    def views(self, url: str, ids: list[str]) -> Mapping[str, str]:
        """Return what the sidecar says of each instance."""
        return vendor_views(_port(url), ids)

    def nudge(self, url: str, ids: list[str], name: str, payload: str) -> None:
        """Raise an event on each instance."""
        nudge(_port(url), ids, name, payload)

    def is_torn(self, view: str) -> bool:
        """Return whether the sidecar has lost part of the state; see ``README.md``."""
        return is_torn(view)


def _port(url: str) -> str:
    return url.rpartition(":")[2]
