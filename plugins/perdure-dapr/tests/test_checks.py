"""A sidecar on which workflows cannot run is refused, with what it lacks and what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perdure import BackendUnavailableError, ConfigurationError
from perdure_dapr.address import Address
from perdure_dapr.checks import check
from perdure_dapr.sidecar import Metadata

SOUND = Metadata(
    app_id="trips",
    version="1.18.1",
    placement="placement: connected",
    is_actor_host=True,
    has_scheduler=True,
    stores={"workflows": frozenset({"ETAG", "TRANSACTIONAL", "ACTOR"})},
    is_hosting=False,
    connected_workers=0,
)
ADDRESS = Address(target="127.0.0.1:50001")


@pytest.mark.parametrize("version", ["1.17.0", "1.18.1", "v1.19.0-rc.1", "edge", "2.0.0"])
def test_a_sound_sidecar_is_taken(version: str) -> None:
    check(replace(SOUND, version=version), ADDRESS)


@pytest.mark.parametrize(
    ("lacking", "complaint"),
    [
        ({"version": "1.16.3"}, "1.16.3.*1.17"),
        ({"stores": {}}, "actorStateStore"),
        ({"stores": {"cache": frozenset({"ETAG"})}}, "kind: Component"),
        ({"is_actor_host": False, "placement": ""}, "--placement-host-address"),
        ({"placement": "placement: disconnected"}, "disconnected.*placement service"),
        ({"has_scheduler": False}, "--scheduler-host-address"),
    ],
)
def test_what_is_missing_is_told(lacking: dict[str, object], complaint: str) -> None:
    with pytest.raises(BackendUnavailableError, match=f"(?s){complaint}"):
        check(replace(SOUND, **lacking), ADDRESS)  # type: ignore[arg-type]  # each its own type


def test_a_sidecar_of_another_app_is_refused() -> None:
    address = replace(ADDRESS, app_id="orders", app_id_setting="DAPR_APP_ID")
    with pytest.raises(ConfigurationError, match=r"DAPR_APP_ID is 'orders'.*'trips'"):
        check(SOUND, address)
    check(SOUND, replace(ADDRESS, app_id="trips"))
