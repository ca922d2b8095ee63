"""What a Dapr stack is planned to be, before anything is started."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from perdure.stack import PortBook, StackPlan
from perdure_dapr.stack import DaprStackKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Plan = Callable[..., StackPlan]


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Return what plans a stack with installed programs of some version."""

    def plan(
        version: str = "1.18.3", *, driver: str = "1.41.0", **given: str | int | bool
    ) -> StackPlan:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        listed = f"dep\tmodernc.org/sqlite\tv{driver}\th1:sum=" if driver else "stripped"
        for name in ("placement", "scheduler", "daprd", "sentry"):
            (folder / name).write_text(f"#!/bin/sh\necho {version}\nexit\n{listed}\n")
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PERDURE_DAPR_BIN", str(folder))
        with contextlib.closing(PortBook({})) as ports:
            return DaprStackKind().plan(given, folder=tmp_path, ports=ports, tell=print)

    return plan


def flags(plan: StackPlan, server: str) -> dict[str, str]:
    command = next(each.command for each in plan.servers if each.name == server)
    pairs = [word.removeprefix("--").partition("=") for word in command[1:]]
    return {name: value for name, _, value in pairs}


def test_every_address_is_loopback(plan: Plan) -> None:
    planned = plan(mtls=True, sidecars=2)
    addresses = [
        (server.name, name, value)
        for server in planned.servers
        for name, value in flags(planned, server.name).items()
        if name.endswith(("address", "addresses", "cluster"))
    ]
    # And what daprd tells placement, which would else be one that the network reaches.
    addresses += [(each.name, "", each.environment["DAPR_HOST_IP"]) for each in planned.servers]
    assert len(addresses) > 20
    assert [each for each in addresses if "127.0.0.1" not in each[2]] == []


def test_every_server_has_ports_of_its_own(plan: Plan) -> None:
    ports = [
        port for server in plan(mtls=True, sidecars=3).servers for port in server.ports.values()
    ]
    assert len(ports) == len(set(ports)) == 2 + 3 + 5 + 3 * 4


def test_the_control_plane_starts_before_the_sidecars_and_sentry_before_all(plan: Plan) -> None:
    stages = {server.name: server.stage for server in plan(mtls=True, sidecars=2).servers}
    assert stages == {"sentry": 0, "placement": 1, "scheduler": 1, "daprd": 2, "daprd-2": 2}


def test_the_options_reach_the_sidecars(plan: Plan) -> None:
    planned = plan(app_id="trips", sidecars=2, max_body_size="8Mi", log_level="debug")
    for name in ("daprd", "daprd-2"):
        given = flags(planned, name)
        assert (given["app-id"], given["max-body-size"]) == ("trips", "8Mi")
        assert given["log-level"] == "debug"


def test_what_is_exported_is_the_first_sidecar(plan: Plan) -> None:
    planned = plan(sidecars=2, api_token="s3cret")
    first = next(server for server in planned.servers if server.name == "daprd")
    assert planned.exports == {
        "PERDURE_BACKEND": f"dapr://127.0.0.1:{first.ports['grpc']}",
        "DAPR_GRPC_PORT": str(first.ports["grpc"]),
        "DAPR_HTTP_PORT": str(first.ports["http"]),
        "DAPR_API_TOKEN": "s3cret",
    }
    assert planned.url == planned.exports["PERDURE_BACKEND"]


@pytest.mark.parametrize("version", ["1.17.9", "1.18.3", "edge"])
def test_open_health_listeners_of_installed_programs_are_told(plan: Plan, version: str) -> None:
    planned = plan(version)
    placement = next(server for server in planned.servers if server.name == "placement")
    told = planned.notes[-1]
    assert told.startswith("its health listeners are open to the network (placement ")
    assert str(placement.ports["health"]) in told


def test_of_dapr_that_keeps_them_closed_there_is_nothing_to_tell(plan: Plan) -> None:
    (note,) = plan("1.19.0").notes
    assert note.startswith("Dapr 1.19.0 from ")


@pytest.mark.parametrize("driver", ["1.34.5", "1.40.1"])
def test_a_driver_of_sqlite_that_shows_old_states_is_told(plan: Plan, driver: str) -> None:
    told = plan("1.19.0", driver=driver).notes[-1]
    assert told.startswith(
        f"its driver of SQLite (modernc.org/sqlite {driver}) at times reads old "
    )
    assert len(plan("1.19.0", driver=driver, state="redis").notes) == 1


@pytest.mark.parametrize("driver", ["1.41.0", "1.44.3", "2.0.0", ""])
def test_of_a_mended_driver_and_of_none_there_is_nothing_to_tell(plan: Plan, driver: str) -> None:
    assert len(plan("1.19.0", driver=driver).notes) == 1


def test_every_sidecar_reads_the_folder_of_components_beside_its_own(
    plan: Plan, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    planned = plan(sidecars=2, components=str(tmp_path / "mine"))
    read = [
        [word for word in server.command if word.startswith("--resources-path=")]
        for server in planned.servers
        if server.name.startswith("daprd")
    ]
    folders = [tmp_path / "components", tmp_path / "mine"]
    assert read == [[f"--resources-path={folder}" for folder in folders]] * 2
