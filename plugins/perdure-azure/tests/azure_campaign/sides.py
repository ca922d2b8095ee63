"""The two sides of a campaign on the stand-in for Durable Task Scheduler, which is not DTS."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import grpc
from durabletask.internal import orchestrator_service_pb2 as pb
from durabletask.internal.orchestrator_service_pb2_grpc import TaskHubSidecarServiceStub
from google.protobuf.text_format import MessageToString
from google.protobuf.wrappers_pb2 import StringValue

from perdure.spi.bridge import EVENT_CHANNEL, WAKE_EVENT, encode_event, to_text
from perdure_azure.stack import AzureStack, StackOptions
from perdure_azure.stack.build import PROGRAM
from tests.campaign import shapes
from tests.campaign.crew import Side
from tests.campaign.schedule import WORKER, Plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TESTS: Final = Path(__file__).parents[1]
TARGETS: Final = {WORKER: 8, PROGRAM: 6}
_HUB: Final = (("taskhub", "default"),)
_SECONDS: Final = 3.0
_MOST_CHARACTERS: Final = 600

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
    worker="azure_campaign.native_worker",
    calls="azure_campaign.native_client",
    # It has no at-most-once activities and no children that outlive their parent.
    workflows=tuple(sorted(set(shapes.EXPECTED) - {shapes.CAREFUL, shapes.FOUNDER})),
    nudge=("nudge", "null"),
)


class StandIn:
    """The stand-in; see :class:`tests.campaign.campaign.Vendor`."""

    order: tuple[str, ...] = ()

    def servers(self, plan: Plan, folder: Path) -> AzureStack:
        """Bring it up."""
        return AzureStack(folder, StackOptions(throttle="off"))

    def url(self, servers: Any, name: str) -> str:
        """Return the value for ``PERDURE_BACKEND``."""
        url: str = servers.url
        return url

    def environment(self, url: str) -> Mapping[str, str]:
        """Return the variable by which the twin finds it."""
        return {"CAMPAIGN_TARGET": urlsplit(url).netloc}

    def views(self, url: str, ids: list[str]) -> Mapping[str, str]:
        """Return what it says of each instance: its state and its history."""
        with _stub(url) as stub:
            return {instance_id: _view(stub, instance_id) for instance_id in ids}

    def nudge(self, url: str, ids: list[str], name: str, payload: str) -> None:
        """Raise an event on each instance that takes one."""
        with _stub(url) as stub:
            for instance_id in ids:
                request = pb.RaiseEventRequest(
                    instanceId=instance_id, name=name, input=StringValue(value=payload)
                )
                with contextlib.suppress(grpc.RpcError):
                    stub.RaiseEvent(request, timeout=_SECONDS, metadata=_HUB)

    def is_torn(self, view: str) -> bool:
        """Return that it never is: it changes its file in one transaction for each turn."""
        return False


@contextlib.contextmanager
def _stub(url: str) -> Iterator[Any]:
    with grpc.insecure_channel(urlsplit(url).netloc) as channel:
        yield TaskHubSidecarServiceStub(channel)  # type: ignore[no-untyped-call]  # generated


def _view(stub: Any, instance_id: str) -> str:
    try:
        state = stub.GetInstance(
            pb.GetInstanceRequest(instanceId=instance_id, getInputsAndOutputs=True),
            timeout=_SECONDS,
            metadata=_HUB,
        )
        history = stub.StreamInstanceHistory(
            pb.StreamInstanceHistoryRequest(instanceId=instance_id),
            timeout=_SECONDS,
            metadata=_HUB,
        )
        parts = [state, *(event for chunk in history for event in chunk.events)]
    except grpc.RpcError as error:
        return str(error)
    return "\n".join(MessageToString(part, as_one_line=True)[:_MOST_CHARACTERS] for part in parts)
