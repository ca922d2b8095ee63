"""What a sidecar says of instances, and what can be told it, in its own protocol.

It is spoken in a process of its own: ``python -m campaign.vendor_view PORT view ID…`` prints a line
of JSON for each instance, ``… PORT nudge NAME PAYLOAD ID…`` raises an event on each.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.campaign.crew import search_path

_SECONDS = 3.0
_TESTS = Path(__file__).parents[1]
_TORN = "missing from state store"


def vendor_views(port: str, ids: list[str]) -> dict[str, str]:
    """Return what the sidecar at ``port`` says of each instance: its state and its history."""
    lines = _run(port, "view", *ids).splitlines()
    return {each["id"]: each["view"] for each in map(json.loads, lines)}


def nudge(port: str, ids: list[str], name: str, payload: str) -> None:
    """Raise an event on each instance that takes one."""
    _run(port, "nudge", name, payload, *ids)


def is_torn(view: str) -> bool:
    """Return whether what the sidecar says of an instance is that it cannot read its state."""
    return _TORN in view


def _run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "campaign.vendor_view", *arguments],
        env=search_path(_TESTS),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def main() -> None:
    """Do what the arguments say."""
    import grpc
    from dapr.ext.workflow._durabletask.internal import orchestrator_service_pb2_grpc as stubs

    port, verb, *rest = sys.argv[1:]
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = stubs.TaskHubSidecarServiceStub(channel)  # type: ignore[no-untyped-call]  # generated
        if verb == "view":
            for each in rest:
                print(json.dumps({"id": each, "view": _view(stub, each)}))  # noqa: T201
        else:
            name, payload, *ids = rest
            for each in ids:
                _raise(stub, each, name, payload)


def _raise(stub: Any, instance_id: str, name: str, payload: str) -> None:
    import contextlib

    import grpc
    from dapr.ext.workflow._durabletask.internal import protos
    from google.protobuf.wrappers_pb2 import StringValue

    request = protos.RaiseEventRequest(
        instanceId=instance_id, name=name, input=StringValue(value=payload)
    )
    with contextlib.suppress(grpc.RpcError):
        stub.RaiseEvent(request, timeout=_SECONDS)


def _view(stub: Any, instance_id: str) -> str:
    import grpc
    from dapr.ext.workflow._durabletask.internal import protos
    from google.protobuf.text_format import MessageToString

    parts = []
    for call, request in (
        (stub.GetInstance, protos.GetInstanceRequest(instanceId=instance_id)),
        (stub.GetInstanceHistory, protos.GetInstanceHistoryRequest(instanceId=instance_id)),
    ):
        try:
            answer = call(request, timeout=_SECONDS)
        except grpc.RpcError as error:
            parts.append(f"{type(request).__name__}: {error}")
        else:
            events = getattr(answer, "events", [answer])
            parts += [MessageToString(event, as_one_line=True)[:600] for event in events]
    return "\n".join(parts)


if __name__ == "__main__":
    main()
