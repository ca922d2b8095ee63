"""Payloads beyond the scheduler's 1 MB: they arrive by the store, or are refused with a remedy."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from azure_kit.native import native_client, native_worker

import perdure
from perdure import PayloadTooLargeError, Status, WorkflowFailedError
from perdure.spi import ActivityScheduled
from perdure.testing.hub import BackendHub
from perdure_azure.backend import PAYLOAD_LIMIT
from perdure_azure.conformance import make_target
from perdure_azure.faults import LIMIT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from perdure_azure.stack import AzureStack

pytestmark = pytest.mark.timeout(120)

LARGE = 10_000_000
MIDDLING = 400_000
INLINE = 240_000

registry = perdure.Registry()


@registry.activity(name="limits_measure")
async def measure(text: str) -> int:
    return len(text)


@registry.activity(name="limits_make")
async def make(size: int) -> str:
    return "x" * size


@registry.workflow(name="limits_in")
async def into_activity(size: int) -> int:
    return await measure("x" * size)


@registry.workflow(name="limits_out")
async def out_of_activity(size: int) -> int:
    return len(await make(size))


@registry.workflow(name="limits_echo")
async def echo(text: str) -> str:
    return text


@registry.workflow(name="limits_end")
async def end_with(size: int) -> str:
    return "x" * size


@registry.workflow(name="limits_event")
async def hear() -> int:
    return len(await perdure.wait_for_event("text", str))


@registry.workflow(name="limits_child")
async def ask_child(text: str) -> str:
    return await echo(text)


@registry.workflow(name="limits_many")
async def many(count: int, size: int) -> int:
    total = 0
    for _ in range(count):
        total += len(await make(size))
    return total


@registry.workflow(name="limits_wide")
async def wide(count: int, size: int) -> int:
    return sum(await asyncio.gather(*(measure("x" * size) for _ in range(count))))


@registry.workflow(name="limits_status")
async def show(size: int) -> str:
    perdure.set_custom_status("x" * size)
    return "shown"


@registry.workflow(name="limits_parent_of_status")
async def parent_of_shower(size: int, child_id: str | None) -> str:
    child = perdure.start_child(show.bind(size), instance_id=child_id)
    try:
        return await child.result()
    except perdure.WorkflowFailedError as error:
        return str(error)


@registry.workflow(name="limits_named_child")
async def ask_named_child(text: str) -> str:
    instance_id = f"{perdure.current_workflow().instance_id}-c"
    return await perdure.start_child(echo.bind(text), instance_id=instance_id).result()


@registry.workflow(name="limits_carry")
async def carry(count: int, is_first: bool) -> list[int]:
    """Let events come, and take them in the next run only."""
    if is_first:
        await perdure.wait_for_event("go")
        perdure.continue_as_new(carry.bind(count, False))
    return [len(await perdure.wait_for_event("text", str)) for _ in range(count)]


@registry.workflow(name="limits_long")
async def long(steps: int, size: int) -> int:
    return sum([len(await make(size)) for _ in range(steps)])


@pytest.fixture
def stored(azure_stack: AzureStack, tmp_path: Path) -> Iterator[BackendHub]:
    """Return a hub whose large payloads go to the store that loopback has by itself."""
    yield from run_hub(azure_stack, tmp_path, payloads=None)


@pytest.fixture
def inline(azure_stack: AzureStack, tmp_path: Path) -> Iterator[BackendHub]:
    """Return a hub without a store."""
    yield from run_hub(azure_stack, tmp_path, payloads="inline://")


def run_hub(stack: AzureStack, folder: Path, *, payloads: str | None) -> Iterator[BackendHub]:
    target = make_target(stack.url, folder=folder)
    target.payloads = payloads
    with BackendHub(target, registry) as hub:
        hub.run_worker()
        yield hub
    target.close()


# -- by the store ---------------------------------------------------------------------------------


def test_ten_megabytes_go_into_an_activity(stored: BackendHub) -> None:
    assert stored.result(stored.start(into_activity, LARGE)) == LARGE


def test_ten_megabytes_come_out_of_an_activity(stored: BackendHub) -> None:
    assert stored.result(stored.start(out_of_activity, LARGE)) == LARGE


def test_ten_megabytes_go_into_a_workflow_and_come_out(stored: BackendHub) -> None:
    text = "y" * LARGE
    assert stored.result(stored.start(echo, text)) == text


def test_ten_megabytes_come_by_an_event(stored: BackendHub) -> None:
    handle = stored.start(hear)
    handle.raise_event("text", "z" * LARGE)
    assert stored.result(handle) == LARGE


def test_ten_megabytes_go_into_a_child_and_come_out(stored: BackendHub) -> None:
    text = "c" * LARGE
    assert stored.result(stored.start(ask_child, text)) == text


@pytest.mark.parametrize("workflow", [many, wide], ids=["run", "turn"])
def test_many_middling_payloads_fit_one(stored: BackendHub, workflow: Any) -> None:
    assert stored.result(stored.start(workflow, 30, MIDDLING)) == 30 * MIDDLING


@pytest.mark.parametrize("workflow", [many, wide], ids=["run", "turn"])
def test_many_inline_payloads_fit_one_too(inline: BackendHub, workflow: Any) -> None:
    assert inline.result(inline.start(workflow, 30, INLINE)) == 30 * INLINE


def test_events_that_are_carried_on_may_be_of_any_size(stored: BackendHub) -> None:
    assert stored.result(carrying(stored, MIDDLING)) == [MIDDLING] * 6


def carrying(hub: BackendHub, size: int) -> Any:
    """Start a run that continues as new while it holds six events."""
    handle = hub.start(carry, 6, True)
    for _ in range(6):
        handle.raise_event("text", "e" * size)
    handle.raise_event("go")
    return handle


# -- inline ---------------------------------------------------------------------------------------


def test_without_a_store_a_workflows_input_is_refused_before_any_call(inline: BackendHub) -> None:
    instance_id = inline.new_id()
    with pytest.raises(PayloadTooLargeError) as refused:
        inline.start(echo, "y" * LARGE, instance_id=instance_id)
    assert_tells(refused.value, "limits_echo")
    with pytest.raises(perdure.InstanceNotFoundError):
        inline.client.get(echo, instance_id).info()


def test_without_a_store_an_event_is_refused_before_any_call(inline: BackendHub) -> None:
    handle = inline.start(hear)
    with pytest.raises(PayloadTooLargeError) as refused:
        handle.raise_event("text", "z" * LARGE)
    assert_tells(refused.value, "event 'text'")
    handle.raise_event("text", "small")
    assert inline.result(handle) == len("small")


@pytest.mark.parametrize(
    ("workflow", "what"),
    [(into_activity, "limits_measure"), (out_of_activity, "limits_make"), (end_with, "result")],
    ids=["activity input", "activity result", "workflow result"],
)
def test_without_a_store_what_a_workflow_asks_for_fails_with_the_remedy(
    inline: BackendHub, workflow: Any, what: str
) -> None:
    handle = inline.start(workflow, LARGE)
    with pytest.raises(WorkflowFailedError) as failed:
        inline.result(handle)
    for said in (what, f"{PAYLOAD_LIMIT:,}", "PERDURE_PAYLOADS"):
        assert said in str(failed.value)


def assert_tells(error: PayloadTooLargeError, what: str) -> None:
    assert error.size > LARGE
    assert error.limit == PAYLOAD_LIMIT
    for said in (what, f"{error.size:,}", f"{PAYLOAD_LIMIT:,}", "PERDURE_PAYLOADS"):
        assert said in str(error)


# Each grows in a way of its own once its JSON text stands within JSON text of ASCII alone.
_ROOM = PAYLOAD_LIMIT - 40
GROWING = {"quotes": '"' * (_ROOM // 2), "latin": "é" * (_ROOM // 2), "emoji": "😀" * (_ROOM // 4)}


@pytest.mark.parametrize("way", ["input", "child", "event"])
@pytest.mark.parametrize("text", GROWING.values(), ids=GROWING.keys())
def test_the_largest_inline_payload_fits_however_it_is_escaped(
    inline: BackendHub, text: str, way: str
) -> None:
    if way == "event":
        handle = inline.start(hear)
        handle.raise_event("text", text)
        assert inline.result(handle) == len(text)
        return
    assert inline.result(inline.start(echo if way == "input" else ask_child, text)) == text


def test_the_largest_inline_result_of_a_child_with_an_id_of_its_own_fits(
    inline: BackendHub,
) -> None:
    text = GROWING["quotes"]
    assert inline.result(inline.start(ask_named_child, text)) == text


def test_events_that_are_carried_on_inline_end_the_run_with_the_remedy(
    inline: BackendHub,
) -> None:
    handle = carrying(inline, INLINE)
    with pytest.raises(WorkflowFailedError) as failed:
        inline.result(handle)
    for said in ("orchestrator input", f"{LIMIT_BYTES:,}", "PERDURE_PAYLOADS"):
        assert said in str(failed.value)


# -- the custom status, which is always inline ----------------------------------------------------


def test_a_custom_status_of_the_whole_limit_is_shown(stored: BackendHub) -> None:
    handle = stored.start(show, LIMIT_BYTES - 100)
    assert stored.result(handle) == "shown"
    shown = handle.info().custom_status_json
    assert shown is not None
    assert len(json.loads(shown)) == LIMIT_BYTES - 100


def test_a_custom_status_over_the_limit_ends_the_run_with_both_sizes(stored: BackendHub) -> None:
    handle = stored.start(show, LIMIT_BYTES)
    with pytest.raises(WorkflowFailedError) as failed:
        stored.result(handle)
    for said in ("custom status", f"{LIMIT_BYTES + 2:,}", f"{LIMIT_BYTES:,}", "show less"):
        assert said in str(failed.value)


@pytest.mark.parametrize("is_named", [False, True], ids=["child", "child with an id of its own"])
def test_a_parent_hears_of_a_child_that_its_custom_status_has_ended(
    stored: BackendHub, is_named: bool
) -> None:
    child_id = stored.new_id() if is_named else None
    told = stored.result(stored.start(parent_of_shower, LIMIT_BYTES, child_id))
    assert f"{LIMIT_BYTES:,}" in told


# -- reruns ---------------------------------------------------------------------------------------


def last_command(handle: Any) -> int:
    return max(event.id for event in handle.history() if isinstance(event, ActivityScheduled))


def test_a_rerun_whose_journal_is_over_the_limit_is_refused_with_the_remedy(
    inline: BackendHub,
) -> None:
    handle = inline.start(long, 6, INLINE)
    assert inline.result(handle) == 6 * INLINE
    with pytest.raises(PayloadTooLargeError, match="PERDURE_PAYLOADS"):
        handle.rerun(from_command=last_command(handle))
    assert handle.info().status is Status.COMPLETED


def test_a_rerun_of_a_run_with_a_store_fits(stored: BackendHub) -> None:
    handle = stored.start(long, 6, MIDDLING)
    assert stored.result(handle) == 6 * MIDDLING
    handle.rerun(from_command=last_command(handle))
    assert stored.result(handle) == 6 * MIDDLING


# -- the native SDK -------------------------------------------------------------------------------


def test_the_native_sdk_leaves_an_instance_waiting_for_ever_on_the_same_scheduler(
    azure_stack: AzureStack,
) -> None:
    """What perdure is measured against: its turn is refused, logged, and never answered."""

    def native_measure(_: Any, text: str) -> int:
        return len(text)

    def native_large(context: Any, size: int) -> Any:
        return (yield context.call_activity(native_measure, input="x" * size))

    instance_id = f"native-{uuid.uuid4().hex[:8]}"
    with (
        native_worker(azure_stack, native_large, activities=(native_measure,)),
        native_client(azure_stack) as client,
    ):
        client.schedule_new_orchestration(native_large, input=10, instance_id=instance_id)
        state = client.wait_for_orchestration_completion(instance_id, timeout=30)
        assert state.runtime_status.name == "COMPLETED"
        client.schedule_new_orchestration(
            native_large, input=LARGE, instance_id=f"{instance_id}-large"
        )
        with pytest.raises((TimeoutError, grpc.RpcError)):
            client.wait_for_orchestration_completion(f"{instance_id}-large", timeout=5)
        with pytest.raises(grpc.RpcError):
            client.schedule_new_orchestration(native_large, input="y" * LARGE)
