"""Counting what crosses the wire: calls by method, and what is sent to workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from azure_kit.actions import finish, schedule
from azure_kit.hub import BareWorker
from durabletask.internal import orchestrator_service_pb2 as pb

if TYPE_CHECKING:
    from azure_kit.hub import Hub


def test_each_call_and_each_work_item_counts_once(hub: Hub) -> None:
    with BareWorker(hub) as worker:
        instance = hub.start()
        worker.complete(worker.next(), schedule(1))
        worker.give(worker.next())
        worker.complete(worker.next(), finish())
        hub.finished(instance)
        counted = hub.calls()
    assert counted["calls"] == {
        "GetWorkItems": 1,
        "StartInstance": 1,
        "CompleteOrchestratorTask": 2,
        "CompleteActivityTask": 1,
        "WaitForInstanceCompletion": 1,
    }
    assert counted["sent"] == {"orchestrations": 2, "activities": 1, "pings": 0}


def test_what_is_delivered_again_is_sent_again(hub: Hub) -> None:
    hub.start()
    for _ in range(2):
        with BareWorker(hub) as worker:
            worker.next()
    assert hub.calls()["sent"]["orchestrations"] == 2


def test_a_call_that_is_refused_has_travelled_too(hub: Hub) -> None:
    hub.start(instance_id="taken")
    request = pb.TerminateRequest(instanceId="nobody")
    with pytest.raises(grpc.RpcError):
        hub.stub.TerminateInstance(request)
    assert hub.calls()["calls"] == {"StartInstance": 1, "TerminateInstance": 1}


def test_hubs_are_counted_apart(hub: Hub, server: Any) -> None:
    hub.start()
    with pytest.raises(Exception, match="404"):
        server.admin("/calls?hub=nobody")
    assert hub.calls()["calls"] == {"StartInstance": 1}
