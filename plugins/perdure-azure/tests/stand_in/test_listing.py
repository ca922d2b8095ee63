"""Queries, ids, histories and purging."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from azure_kit.actions import continue_as_new, finish, kinds, schedule, start_child
from azure_kit.hub import BareWorker
from durabletask.client import OrchestrationQuery, OrchestrationStatus
from durabletask.internal import orchestrator_service_pb2 as pb

if TYPE_CHECKING:
    from azure_kit.hub import Hub

PAGE = 100


def finish_all(hub: Hub, count: int) -> None:
    with BareWorker(hub) as worker:
        for _ in range(count):
            worker.complete(worker.next(), finish("1"))


def test_query_pages_through_all_instances_newest_first(hub: Hub) -> None:
    ids = [hub.start(instance_id=f"i{number:03}") for number in range(PAGE + 5)]
    query = OrchestrationQuery(max_instance_count=10)
    states = hub.client.get_all_orchestration_states(query)
    assert [state.instance_id for state in states] == ids[::-1]


def test_query_filters_by_status_prefix_and_time(hub: Hub) -> None:
    hub.start(instance_id="a-done")
    finish_all(hub, 1)
    between = hub.state("a-done").completedTimestamp.ToDatetime(UTC)
    hub.start(instance_id="a-new")
    hub.start(instance_id="b-new")

    def found(**query: Any) -> set[str]:
        states = hub.client.get_all_orchestration_states(OrchestrationQuery(**query))
        return {state.instance_id for state in states}

    assert found(runtime_status=[OrchestrationStatus.COMPLETED]) == {"a-done"}
    assert found(instance_id_prefix="a-") == {"a-done", "a-new"}
    assert found(created_time_from=between) == {"a-new", "b-new"}
    assert found(created_time_to=between) == {"a-done"}


def test_query_gives_payloads_only_if_asked(hub: Hub) -> None:
    hub.start(instance_id="one", input={"value": "5"})
    (without,) = hub.client.get_all_orchestration_states(OrchestrationQuery())
    (with_them,) = hub.client.get_all_orchestration_states(
        OrchestrationQuery(fetch_inputs_and_outputs=True)
    )
    assert (without.serialized_input, with_them.serialized_input) == (None, "5")


def test_query_of_large_payloads_fits_what_a_client_receives(hub: Hub) -> None:
    for _ in range(6):
        hub.start(input={"value": "x" * 1_000_000})
    query = OrchestrationQuery(fetch_inputs_and_outputs=True)
    assert len(hub.client.get_all_orchestration_states(query)) == 6


def test_ids_of_finished_instances_are_listed_in_pages(hub: Hub) -> None:
    ids = [hub.start(instance_id=f"i{number}") for number in range(5)]
    finish_all(hub, 5)
    hub.start(instance_id="running")
    found: list[str] = []
    token = None
    while True:
        page = hub.client.list_instance_ids(page_size=2, continuation_token=token)
        found += page.items
        token = page.continuation_token
        if token is None:
            break
    assert found == ids


def test_foreign_page_token_is_refused(hub: Hub) -> None:
    with pytest.raises(grpc.RpcError, match="continuation token"):
        hub.client.list_instance_ids(continuation_token="nonsense")


def test_history_tells_what_happened_in_order(hub: Hub) -> None:
    hub.start("job", "job")
    with BareWorker(hub) as worker:
        worker.complete(worker.next(), schedule(1, "act", "5", tags={"team": "blue"}))
        worker.give(worker.next(), "6")
        worker.complete(worker.next(), finish("6"))
    history = hub.history("job")
    assert kinds(history) == [
        "orchestratorStarted",
        "executionStarted",
        "taskScheduled",
        "orchestratorStarted",
        "taskCompleted",
        "executionCompleted",
    ]
    assert dict(history[2].taskScheduled.tags) == {"team": "blue"}


def test_history_begins_anew_when_a_run_continues(hub: Hub) -> None:
    hub.start("job", "job")
    with BareWorker(hub) as worker:
        worker.complete(worker.next(), continue_as_new("2"))
        worker.complete(worker.next(), finish())
    assert kinds(hub.history("job")) == [
        "orchestratorStarted",
        "executionStarted",
        "executionCompleted",
    ]


def test_history_of_an_unknown_instance_is_not_found(hub: Hub) -> None:
    with pytest.raises(grpc.RpcError, match="no orchestration instance"):
        hub.history("nobody")


def test_only_finished_instances_are_purged(hub: Hub) -> None:
    hub.start(instance_id="done")
    finish_all(hub, 1)
    hub.start(instance_id="running")
    purge = hub.client.purge_orchestration
    assert [purge(one).deleted_instance_count for one in ("done", "running", "nobody")] == [1, 0, 0]
    assert hub.client.get_orchestration_state("done") is None
    assert hub.client.get_orchestration_state("running") is not None


@pytest.mark.parametrize(("recursive", "deleted"), [(True, 2), (False, 1)])
def test_purge_takes_children_along_if_asked(hub: Hub, recursive: bool, deleted: int) -> None:
    hub.start(instance_id="parent")
    with BareWorker(hub) as worker:
        worker.complete(worker.next(), start_child(1, "child"))
        worker.complete(worker.next(), finish())
        worker.complete(worker.next(), finish())
    assert hub.client.purge_orchestration("parent", recursive).deleted_instance_count == deleted


def test_purge_by_filter_is_complete(hub: Hub) -> None:
    for _ in range(3):
        hub.start()
    finish_all(hub, 3)
    hub.start(instance_id="running")
    later = datetime.now(UTC) + timedelta(hours=1)
    none = hub.client.purge_orchestrations_by(created_time_from=later)
    assert (none.deleted_instance_count, none.is_complete) == (0, True)
    result = hub.client.purge_orchestrations_by(runtime_status=[OrchestrationStatus.COMPLETED])
    assert (result.deleted_instance_count, result.is_complete) == (3, True)


def test_purge_by_batch_has_a_limit(hub: Hub) -> None:
    hub.start(instance_id="done")
    finish_all(hub, 1)
    batch = pb.PurgeInstancesRequest(instanceBatch=pb.InstanceBatch(instanceIds=["done", "nobody"]))
    assert hub.stub.PurgeInstances(batch).deletedInstanceCount == 1
    batch = pb.PurgeInstancesRequest(instanceBatch=pb.InstanceBatch(instanceIds=["x"] * 501))
    with pytest.raises(grpc.RpcError, match="500"):
        hub.stub.PurgeInstances(batch)
