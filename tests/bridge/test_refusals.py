"""Activities that a worker cannot run: the instance waits for a worker that can."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import perdure
from perdure._program import RegistryProgram
from perdure.spi.bridge import WAKE_EVENT, decode_status
from tests.bridge.programs import WatchedBridge, app
from tests.bridge.vendor_history import projected, recorded

if TYPE_CHECKING:
    from perdure.spi.program import Program
    from tests.bridge.host import Host

lacking = perdure.App("lacking")


def refused(host: Host, id: int) -> Host:
    """Have an activity run by a worker that lacks it."""
    able: Program = host.bridge.program
    host.bridge.program = RegistryProgram(lacking)
    try:
        return host.answer(id)
    finally:
        host.bridge.program = able


def test_a_refused_activity_leaves_the_instance_as_it_is_and_says_so(host: Host) -> None:
    host.start("chain", steps=2)
    before = recorded(host)
    refused(host, min(host.activities)).execute()
    shown = decode_status(host.custom_status)
    assert host.status == "running"
    assert not host.activities
    assert shown.is_stalled
    assert "'add'" in (shown.held or "")
    assert recorded(host) == before


def test_it_is_asked_for_again_once_the_instance_is_woken(host: Host) -> None:
    host.start("chain", steps=2)
    refused(host, min(host.activities)).execute()
    host.raise_event(WAKE_EVENT, None).execute()
    assert decode_status(host.custom_status).held is None
    assert host.run().result() == 2


def test_it_keeps_its_number_and_its_place_in_the_journal(
    bridge: WatchedBridge, host: Host
) -> None:
    host.start("chain", steps=1)
    (first,) = host.activities.values()
    refused(host, min(host.activities)).execute()
    host.raise_event(WAKE_EVENT, None).execute()
    (second,) = host.activities.values()
    assert [json.loads(call.input)["id"] for call in (first, second)] == [1, 1]
    host.run()
    assert projected(host) == recorded(host) == bridge.journals[0]
    assert len([entry for entry in recorded(host) if entry.is_command]) == 2


def test_all_that_was_refused_is_asked_for_again(host: Host) -> None:
    host.start("fan", width=3)
    for id in sorted(host.activities)[:2]:
        refused(host, id)
    host.execute().raise_event(WAKE_EVENT, None).execute()
    assert host.run().result() == 6
    assert projected(host) == recorded(host)


def test_a_wake_asks_for_nothing_that_was_not_refused(host: Host) -> None:
    host.start("fan", width=3)
    refused(host, min(host.activities)).execute()
    for _ in range(3):
        host.raise_event(WAKE_EVENT, None).execute()
    assert len(host.activities) == 3


def test_the_rest_goes_on_meanwhile(host: Host) -> None:
    host.start("fan", width=2)
    first, second = sorted(host.activities)
    refused(host, first).execute()
    host.answer(second).execute()
    assert decode_status(host.custom_status).is_stalled
    host.raise_event(WAKE_EVENT, None).execute()
    assert host.run().result() == 3


def test_a_worker_that_replays_shows_the_same(host: Host) -> None:
    host.start("chain", steps=2)
    refused(host, min(host.activities)).execute()
    shown = host.custom_status
    other = WatchedBridge(app)
    host.raise_event("a", 1).execute(other)
    assert host.custom_status == shown
    assert projected(host) == recorded(host)
    other.close()


def test_the_status_of_the_workflow_is_kept_beside_the_reason(host: Host) -> None:
    host.start("showing", steps=2)
    refused(host, min(host.activities)).execute()
    shown = decode_status(host.custom_status)
    assert shown.custom_status_json == '{"step":0}'
    assert shown.is_stalled
