"""What a worker does with an instance that its code does not fit: nothing, and says so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure.errors import PayloadStoreError
from perdure.spi.bridge import WAKE_EVENT, StartEnvelope, encode_start
from tests.bridge.host import Host
from tests.bridge.programs import WatchedBridge, add, same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def workflows_of_today() -> perdure.App:
    """Return an app whose workflow ``chain`` is not what it was."""
    app = perdure.App("today")
    app.activity(name="add")(add.local)
    app.activity(name="same")(same.local)

    @app.workflow
    async def chain(steps: int) -> int:
        await same(0)
        return steps

    @app.workflow
    async def fan(width: int) -> int:
        return width

    return app


@pytest.fixture
def today() -> Iterator[WatchedBridge]:
    """A worker with other code."""
    bridge = WatchedBridge(workflows_of_today())
    yield bridge
    bridge.close()


def test_another_activity_than_history_has_parks_the_instance(
    host: Host, today: WatchedBridge
) -> None:
    host.start("chain", steps=3)
    host.answer(min(host.activities)).execute(today)
    assert host.status == "running"
    assert not host.activities
    ((instance_id, reason),) = today.parked
    assert instance_id == "trip-1"
    assert "add" in reason
    assert "same" in reason


def test_an_end_that_comes_too_early_parks_the_instance(host: Host, today: WatchedBridge) -> None:
    host.start("fan", width=3)
    host.answer(min(host.activities)).execute(today)
    assert host.status == "running"
    assert today.parked


def test_a_parked_instance_goes_on_with_fitting_code(host: Host, today: WatchedBridge) -> None:
    host.start("chain", steps=3)
    host.answer(min(host.activities)).execute(today)
    assert host.raise_event(WAKE_EVENT, None).run().result() == 3


def test_a_worker_that_lacks_the_workflow_parks_the_instance(
    bridge: WatchedBridge, today: WatchedBridge
) -> None:
    host = Host(today).start("parent", value=1)
    assert host.status == "running"
    assert "parent" in today.parked[0][1]
    host.bridge = bridge
    host.raise_event(WAKE_EVENT, None).execute()
    assert len(host.children) == 1


def test_a_parked_instance_that_never_began_can_be_terminated(today: WatchedBridge) -> None:
    host = Host(today).start("parent", value=1)
    assert host.terminate().execute().status == "terminated"


def test_an_input_of_a_newer_perdure_parks_the_instance(host: Host, bridge: WatchedBridge) -> None:
    start = encode_start(StartEnvelope(run_id="r", seed="r", arguments="{}"))
    host.start_with("chain", json.dumps({**start, "perdure": 2}))
    assert host.status == "running"
    assert "newer" in bridge.parked[0][1]


def test_an_answer_to_another_command_parks_the_instance(host: Host, bridge: WatchedBridge) -> None:
    host.start("chain", steps=3)
    (id,) = host.activities
    host.answered(id, {"perdure": 1, "of": "run-1:7", "result": "1"}).execute()
    assert host.status == "running"
    assert "answer to command 7" in bridge.parked[0][1]


def test_a_payload_store_that_is_away_parks_the_instance_and_loses_nothing(
    host: Host, bridge: WatchedBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.start("chain", steps=2)
    away = PayloadStoreError(store="s3://trips", what="result of add", problem="no route")
    executor = type(bridge.program.executor("chain"))
    with monkeypatch.context() as patch:
        patch.setattr(executor, "deliver", raising(away))
        host.answer(min(host.activities)).execute()
    assert host.status == "running"
    assert "s3://trips" in bridge.parked[0][1]
    assert host.raise_event(WAKE_EVENT, None).run().result() == 2


def raising(error: Exception) -> Callable[..., Any]:
    """Return a function that raises ``error``."""

    def fail(*_: Any) -> Any:
        raise error

    return fail
