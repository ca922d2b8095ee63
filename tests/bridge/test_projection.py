"""The projection: the journal that a server's history shows is the one that was recorded."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from perdure.spi.history import Resumed, Suspended
from tests.bridge.dark_programs import DARK
from tests.bridge.fates import Fate
from tests.bridge.host import Host
from tests.bridge.programs import OTHER_SDK, SDK, WatchedBridge, app
from tests.bridge.test_equal_journals import PROGRAMS
from tests.bridge.vendor_history import projected, recorded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.spi.history import HistoryEvent

_MOST_WORK_ITEMS = 20


def without_holds(journal: Sequence[HistoryEvent]) -> list[HistoryEvent]:
    """Return a journal without what only the server knows."""
    return [entry for entry in journal if not isinstance(entry, Suspended | Resumed)]


@given(
    program=st.sampled_from([*DARK, *PROGRAMS]),
    seed=st.integers(0, 1_000_000),
    retain=st.sampled_from([0, 100]),
    sdk=st.sampled_from([SDK, OTHER_SDK]),
    forgets=st.booleans(),
)
def test_the_projection_is_what_was_recorded_at_every_moment(
    program: tuple[str, dict[str, Any]], seed: int, retain: int, sdk: Any, forgets: bool
) -> None:
    bridges = [WatchedBridge(app, sdk=sdk, retain=retain) for _ in range(2)]
    host = Host(bridges[0], forgets=forgets)
    host.start(program[0], **program[1])
    assert projected(host) == recorded(host)
    fate = Fate(host, bridges, Random(seed))
    for _ in range(_MOST_WORK_ITEMS):
        if host.status == "running" and fate.happen():
            assert without_holds(projected(host)) == recorded(host)
    assert not any(bridge.parked for bridge in bridges)
    for bridge in bridges:
        bridge.close()
