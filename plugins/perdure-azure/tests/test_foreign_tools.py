"""What the scheduler has and the stand-in lacks: rewinding, by a dashboard, and entities.

On Microsoft's own test server for the protocol.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from azure_kit.memory_server import memory_server
from azure_kit.waiting import wait_on_loop_until
from durabletask.client import TaskHubGrpcClient
from durabletask.entities import EntityInstanceId

import perdure
from perdure import Status, WorkflowFailedError
from perdure.spi import ActivityScheduled, Failed
from perdure_azure import answers
from perdure_azure.answers import Answers
from perdure_azure.sdk_worker import SdkWorker

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(60)
_SOON = timedelta(seconds=20)


@pytest.fixture
def server() -> Iterator[str]:
    with memory_server() as address:
        yield address


@pytest.fixture
def dashboard(server: str) -> Iterator[Any]:
    """Return Microsoft's client, as it stands for any tool of theirs."""
    client = TaskHubGrpcClient(host_address=server)
    yield client
    client.close()


def app_on(server: str) -> perdure.App:
    return perdure.App("foreign", backend=f"azure://{server}/trips")


async def test_perdure_runs_on_microsofts_test_server(server: str) -> None:
    app = app_on(server)

    @app.activity(name="foreign_add")
    async def add(a: int, b: int) -> int:
        return a + b

    @app.workflow(name="foreign_sum")
    async def total() -> int:
        await asyncio.sleep(0.05)
        return sum(await asyncio.gather(*(add(n, 1) for n in range(3))))

    async with app.run() as client:
        handle = await client.start(total)
        assert await handle.result(timeout=_SOON) == 6


async def test_rewinding_a_failed_instance_is_refused_with_what_to_type_instead(
    server: str, dashboard: Any, caplog: pytest.LogCaptureFixture
) -> None:
    app = app_on(server)
    ran: list[str] = []
    is_mended = False

    @app.activity(name="foreign_first")
    async def first() -> str:
        ran.append("first")
        return "1"

    @app.activity(name="foreign_second")
    async def second() -> str:
        ran.append("second")
        if not is_mended:
            raise ValueError("not yet")
        return "2"

    @app.workflow(name="foreign_two")
    async def two() -> list[str]:
        return [await first(), await second()]

    async with app.run() as client:
        handle = await client.start(two)
        before = await failure_of(handle)
        is_mended = True
        await asyncio.to_thread(
            dashboard.rewind_orchestration, handle.instance_id, reason="try again"
        )
        await wait_on_loop_until(lambda: "was not rewound" in caplog.text)
        # It is what it was, for perdure's clients and in its history.
        assert await failure_of(handle) == before
        kinds = [type(event) for event in await handle.history()]
        assert kinds.count(Failed) == 1
        # Other tools show what to type.
        state = await asyncio.to_thread(dashboard.get_orchestration_state, handle.instance_id)
        assert f"perdure rerun {handle.instance_id} --from-command" in state.failure_details.message
        last = max(e.id for e in await handle.history() if isinstance(e, ActivityScheduled))
        await handle.rerun(from_command=last)
        assert await handle.result(timeout=_SOON) == ["1", "2"]
    assert ran == ["first", "second", "second"]


async def failure_of(handle: Any) -> Any:
    with pytest.raises(WorkflowFailedError, match="not yet"):
        await handle.result(timeout=_SOON)
    info = await handle.info()
    assert info.status is Status.FAILED
    return info.failure


async def test_entities_of_others_do_not_disturb_a_worker(
    server: str, dashboard: Any, caplog: pytest.LogCaptureFixture
) -> None:
    app = app_on(server)

    @app.workflow(name="foreign_beside")
    async def beside() -> str:
        await asyncio.sleep(0.05)
        return "done"

    entity = EntityInstanceId("counter", "one")
    async with app.run() as client:
        for _ in range(3):
            await asyncio.to_thread(dashboard.signal_entity, entity, "add", 1)
        handle = await client.start(beside)
        assert await handle.result(timeout=_SOON) == "done"
    # The worker asks for its own names alone, so they wait for a worker that has entities.
    assert "entity" not in caplog.text


async def test_an_entity_that_a_worker_is_given_all_the_same_is_given_back(
    server: str,
    dashboard: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(SdkWorker, "use_work_item_filters", lambda self, filters: None)
    app = app_on(server)

    @app.workflow(name="foreign_beside")
    async def beside() -> str:
        await asyncio.sleep(0.05)
        return "done"

    given_back: list[str] = []
    abandon = Answers.abandon_entity

    def note(self: Any, token: str) -> None:
        given_back.append(token)
        abandon(self, token)

    monkeypatch.setattr(Answers, "abandon_entity", note)
    monkeypatch.setattr(answers, "_GIVE_UP_SECONDS", 0.1)
    async with app.run() as client:
        entity = EntityInstanceId("counter", "one")
        await asyncio.to_thread(dashboard.signal_entity, entity, "add", 5)
        handle = await client.start(beside)
        assert await handle.result(timeout=_SOON) == "done"
        # The server hands it out anew, so it had been given back.
        await wait_on_loop_until(lambda: len(given_back) > 1)
    assert caplog.text.count("operation of an entity") == 1
