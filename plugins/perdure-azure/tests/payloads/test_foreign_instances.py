"""Instances whose payloads Microsoft's client has put into Azure Blob Storage, end to end."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from azure_kit.memory_server import memory_server
from durabletask import client as sdk_client
from durabletask import worker as sdk_worker
from durabletask.extensions.azure_blob_payloads import BlobPayloadStore, BlobPayloadStoreOptions
from durabletask.internal import orchestrator_service_pb2 as pb
from durabletask.internal import orchestrator_service_pb2_grpc as stubs

import perdure
from perdure_azure import foreign_payloads
from perdure_azure.foreign_payloads import (
    CONTAINER_SETTING,
    SETTING,
    ForeignPayloads,
    is_token,
    open_foreign_payloads,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.storage.blob import ContainerClient
    from azure_kit.azurite import Account
    from durabletask import task

pytestmark = pytest.mark.timeout(180)  # the first one on a machine installs Azurite

LARGE = "x" * 5_000
SECONDS = 20


class Watched(foreign_payloads._ReadOnlyStore):
    """Tells when it could not read."""

    def __init__(self, payloads: ForeignPayloads, *, what: str) -> None:
        super().__init__(payloads, what=what)
        self.has_failed = threading.Event()

    def download(self, token: str) -> bytes:
        try:
            return super().download(token)
        except perdure.PayloadError:
            self.has_failed.set()
            raise


def shout(_: task.ActivityContext, text: str) -> str:
    return text + "!"


def orchestrate(ctx: task.OrchestrationContext, text: str) -> Any:
    ctx.set_custom_status("status " + text)
    answer = yield ctx.call_activity(shout, input=text)
    event = yield ctx.wait_for_external_event("go")
    return [answer, event]


@pytest.fixture
def server() -> Iterator[str]:
    with memory_server() as address:
        yield address


@pytest.fixture
def theirs(account: Account, container: ContainerClient) -> Iterator[BlobPayloadStore]:
    options = BlobPayloadStoreOptions(
        threshold_bytes=1_000,
        connection_string=account.connection_string,
        container_name=container.container_name,
    )
    with BlobPayloadStore(options) as store:
        yield store


@pytest.fixture
def ours(account: Account, container: ContainerClient) -> Iterator[ForeignPayloads]:
    variables = {SETTING: account.connection_string, CONTAINER_SETTING: container.container_name}
    payloads = open_foreign_payloads(variables=variables)
    yield payloads
    payloads.close()


@contextlib.contextmanager
def worker(server: str, store: Any) -> Iterator[None]:
    with sdk_worker.TaskHubGrpcWorker(host_address=server, payload_store=store) as running:
        running.add_orchestrator(orchestrate)
        running.add_activity(shout)
        running.start()  # type: ignore[no-untyped-call]
        yield


def run(server: str, store: BlobPayloadStore) -> str:
    """Start an instance with Microsoft's client, raise an event, and return its id at the end."""
    with sdk_client.TaskHubGrpcClient(host_address=server, payload_store=store) as client:
        instance_id = client.schedule_new_orchestration(orchestrate, input=LARGE)
        client.raise_orchestration_event(instance_id, "go", data="event " + LARGE)
        state = client.wait_for_orchestration_completion(instance_id, timeout=SECONDS)
        assert state is not None
        assert state.runtime_status is sdk_client.OrchestrationStatus.COMPLETED
        return instance_id


async def state_of(server: str, instance_id: str) -> Any:
    """Return what the server has, as it has it."""
    async with grpc.aio.insecure_channel(server) as channel:
        stub: Any = stubs.TaskHubSidecarServiceStub(channel)  # type: ignore[no-untyped-call]
        request = pb.GetInstanceRequest(instanceId=instance_id, getInputsAndOutputs=True)
        return (await stub.GetInstance(request)).orchestrationState


async def history_of(server: str, instance_id: str) -> list[Any]:
    async with grpc.aio.insecure_channel(server) as channel:
        stub: Any = stubs.TaskHubSidecarServiceStub(channel)  # type: ignore[no-untyped-call]
        request = pb.StreamInstanceHistoryRequest(instanceId=instance_id)
        return [
            event async for chunk in stub.StreamInstanceHistory(request) for event in chunk.events
        ]


async def test_every_payload_of_a_foreign_instance_can_be_read(
    server: str, theirs: BlobPayloadStore, ours: ForeignPayloads
) -> None:
    with worker(server, theirs):
        state = await state_of(server, instance_id := run(server, theirs))
    found = [state.input.value, state.output.value, state.customStatus.value]
    assert all(is_token(text) for text in found)
    assert [await ours.resolve(text, what="x") for text in found] == [
        f'"{LARGE}"',
        f'["{LARGE}!", "event {LARGE}"]',
        f'"status {LARGE}"',
    ]
    events = await history_of(server, instance_id)
    assert "blob:v1:" in str(events)
    for event in events:
        await ours.resolve_message(event, what="history")
    assert "blob:v1:" not in str(events)
    raised = next(event.eventRaised for event in events if event.HasField("eventRaised"))
    assert raised.input.value == f'"event {LARGE}"'


async def test_a_worker_with_our_store_reads_and_never_writes(
    server: str, theirs: BlobPayloadStore, ours: ForeignPayloads, container: ContainerClient
) -> None:
    with worker(server, ours.sdk_store()):
        state = await state_of(server, run(server, theirs))
    assert state.output.value == f'["{LARGE}!", "event {LARGE}"]'
    assert state.customStatus.value == f'"status {LARGE}"'
    assert len(list(container.list_blob_names())) == 2  # those of the client: input and event


async def test_without_the_setting_a_message_keeps_its_tokens(
    server: str, theirs: BlobPayloadStore
) -> None:
    with worker(server, theirs):
        state = await state_of(server, run(server, theirs))
    unset = open_foreign_payloads(variables={})
    await unset.resolve_message(state, what="x")
    assert is_token(state.input.value)
    with pytest.raises(perdure.PayloadError, match=f"input of workflow instance 'a': .*{SETTING}"):
        await unset.resolve(state.input.value, what="input of workflow instance 'a'")


async def test_a_message_that_cannot_be_read_says_what_it_is(
    server: str, theirs: BlobPayloadStore, ours: ForeignPayloads, container: ContainerClient
) -> None:
    with worker(server, theirs):
        state = await state_of(server, run(server, theirs))
    for name in list(container.list_blob_names()):
        container.delete_blob(name)
    with pytest.raises(perdure.PayloadError, match="payloads of workflow instance 'a': there is"):
        await ours.resolve_message(state, what="payloads of workflow instance 'a'")


async def test_a_turn_whose_input_cannot_be_read_is_given_back_and_not_failed(
    server: str, theirs: BlobPayloadStore, ours: ForeignPayloads, container: ContainerClient
) -> None:
    with sdk_client.TaskHubGrpcClient(host_address=server, payload_store=theirs) as client:
        instance_id = client.schedule_new_orchestration(orchestrate, input=LARGE)
        client.raise_orchestration_event(instance_id, "go", data="event")
        (name,) = container.list_blob_names()
        blob = container.get_blob_client(name)
        data = blob.download_blob().readall()
        blob.delete_blob()
        store = Watched(ours, what="a work item")
        with worker(server, store):
            assert await asyncio.to_thread(store.has_failed.wait, SECONDS)
            blob.upload_blob(data)
            state = client.wait_for_orchestration_completion(instance_id, timeout=SECONDS)
    assert state is not None
    assert state.runtime_status is sdk_client.OrchestrationStatus.COMPLETED
