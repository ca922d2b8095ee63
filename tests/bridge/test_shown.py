"""The custom status on the wire: the workflow's own, unless perdure has something to say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.errors import PayloadStoreError
from perdure.spi.bridge import WAKE_EVENT, Note, ShownStatus, decode_status
from perdure.spi.bridge.shown import encode_status
from tests.bridge.host import Host
from tests.bridge.programs import WatchedBridge
from tests.bridge.test_notes import notes
from tests.bridge.test_parking import workflows_of_today

if TYPE_CHECKING:
    from collections.abc import Iterator

statuses = st.none() | st.sampled_from(["null", "0", '""', '{"a":1}', '"x"'])


@pytest.fixture
def today() -> Iterator[WatchedBridge]:
    """A worker with other code."""
    bridge = WatchedBridge(workflows_of_today())
    yield bridge
    bridge.close()


@given(statuses, st.lists(notes).map(tuple), st.none() | st.text(), st.booleans())
def test_what_is_shown_comes_back(
    status: str | None, noted: tuple[Note, ...], held: str | None, is_stalled: bool
) -> None:
    text = encode_status(status, notes=noted, held=held, is_stalled=is_stalled)
    assert decode_status(text) == ShownStatus(
        custom_status_json=status,
        held=held,
        is_stalled=is_stalled and held is not None,
        notes=noted,
    )


@pytest.mark.parametrize("status", [None, "null", "0", '{"a":1}'])
def test_a_status_that_perdure_adds_nothing_to_stands_by_itself(status: str | None) -> None:
    assert encode_status(status) == status


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", None),
        ("running late", '"running late"'),
        ('{"perdure":"no"}', '{"perdure":"no"}'),
        ('{"perdure":1,"notes":[7]}', None),
    ],
)
def test_what_somebody_else_shows_is_taken_as_it_is(text: str, status: str | None) -> None:
    assert decode_status(text) == ShownStatus(custom_status_json=status)


def test_the_status_of_a_workflow_is_what_any_tool_shows(host: Host) -> None:
    host.start("showing", steps=2)
    assert json.loads(host.custom_status or "") == {"step": 0}


def test_notes_stand_beside_the_status_of_the_run_before(host: Host) -> None:
    host.start("announcing_then_waiting", left=2)
    host.raise_event("tick", 1).execute()
    shown = decode_status(host.custom_status)
    assert shown.custom_status_json == '"begun"'
    assert len(shown.notes) == 1
    host.raise_event("go", 1).execute()
    assert host.custom_status == '"begun"'


def test_a_worker_that_lacks_the_workflow_says_that_the_instance_waits(
    today: WatchedBridge,
) -> None:
    shown = decode_status(Host(today).start("parent", value=1).custom_status)
    assert "parent" in (shown.held or "")
    assert not shown.is_stalled


def test_a_worker_whose_code_does_not_fit_says_that_the_instance_is_stalled(
    host: Host, today: WatchedBridge
) -> None:
    host.start("chain", steps=3)
    host.answer(min(host.activities)).execute(today)
    shown = decode_status(host.custom_status)
    assert "add" in (shown.held or "")
    assert shown.is_stalled


def test_what_is_held_is_so_no_more_once_it_goes_on(host: Host, today: WatchedBridge) -> None:
    host.start("chain", steps=3)
    host.answer(min(host.activities)).execute(today)
    host.raise_event(WAKE_EVENT, None).execute()
    assert host.custom_status is None
    assert host.run().result() == 3


def test_notes_are_shown_on_while_the_instance_is_held(bridge: WatchedBridge, host: Host) -> None:
    host.start("impatient", seconds=5)
    noted = decode_status(host.custom_status).notes
    host.raise_event("approval", 1)
    with pytest.MonkeyPatch.context() as patch:
        fail_to_deliver(patch, bridge)
        host.execute()
    shown = decode_status(host.custom_status)
    assert shown.is_stalled
    assert shown.notes == noted


def fail_to_deliver(patch: pytest.MonkeyPatch, bridge: WatchedBridge) -> None:
    def fail(*_: Any) -> Any:
        raise PayloadStoreError(store="s3://trips", what="event", problem="no route")

    patch.setattr(type(bridge.program.executor("chain")), "deliver", fail)
