"""What the stack is planned to be, before anything is started."""

from __future__ import annotations

import contextlib
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from perdure.stack import PortBook, StackPlan
from perdure_azure.address import parse_address
from perdure_azure.stack import AzureStackKind
from perdure_azure.stack.certificates import make_certificates

if TYPE_CHECKING:
    from collections.abc import Callable

    Plan = Callable[..., StackPlan]


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Return what plans a stack with a program that is there."""
    program = tmp_path / "bin" / "dts-stand-in"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PERDURE_AZURE_BIN", str(program))

    def plan(**given: str | int | bool) -> StackPlan:
        with contextlib.closing(PortBook({})) as ports:
            return AzureStackKind().plan(given, folder=tmp_path, ports=ports, tell=print)

    return plan


def flags(plan: StackPlan) -> dict[str, str]:
    (server,) = plan.servers
    pairs = [word.removeprefix("--").partition("=") for word in server.command[1:]]
    return {name: value for name, _, value in pairs}


def test_by_default_it_is_one_dedicated_unit_with_the_hub_of_microsofts_samples(
    plan: Plan, tmp_path: Path
) -> None:
    planned = plan()
    (server,) = planned.servers
    assert server.name == "dts-stand-in"
    assert flags(planned) == {
        "port": str(server.ports["grpc"]),
        "admin-port": str(server.ports["admin"]),
        "data": str(tmp_path / "state" / "hubs"),
        "hubs": "default",
        "sku": "dedicated",
        "units": "1",
        "throttle": "on",
        "round-trip": "0ms",
        "retention": "2592000000ms",
        "log-level": "info",
    }
    assert server.health.url == f"http://127.0.0.1:{server.ports['admin']}/health"
    assert (tmp_path / "state" / "hubs").is_dir()


def test_the_options_reach_the_program(plan: Plan) -> None:
    given = flags(
        plan(
            hubs="trips,tours",
            dynamic_hubs=True,
            sku="consumption",
            throttle="off",
            actions_per_second=7,
            round_trip="cross-region",
            retention="0",
            log_level="debug",
        )
    )
    assert given["hubs"] == "trips,tours"
    assert "dynamic-hubs" in given
    assert (given["sku"], given["throttle"], given["actions-per-second"]) == (
        "consumption",
        "off",
        "7",
    )
    assert (given["round-trip"], given["retention"]) == ("30ms", "0ms")
    assert given["log-level"] == "debug"


def test_what_is_exported_is_the_first_hub(plan: Plan) -> None:
    planned = plan(hubs="trips,tours")
    port = planned.servers[0].ports["grpc"]
    assert planned.exports == {
        "PERDURE_BACKEND": "azure",
        "DURABLE_TASK_SCHEDULER_CONNECTION_STRING": (
            f"Endpoint=http://127.0.0.1:{port};TaskHub=trips;Authentication=None"
        ),
    }


@pytest.mark.parametrize("is_secure", [False, True])
def test_perdure_reads_from_the_variables_what_the_url_says_by_itself(
    plan: Plan, is_secure: bool
) -> None:
    planned = plan(hubs="trips,tours", tls=is_secure)
    address = parse_address(planned.url, environment={})
    assert parse_address("azure", environment=planned.exports) == address
    assert address.target == f"127.0.0.1:{planned.servers[0].ports['grpc']}"
    assert (address.hub, address.is_secure) == ("trips", is_secure)
    assert address.authentication.kind == "None"


def test_it_says_plainly_that_it_is_not_dts_and_what_it_does_not_model(plan: Plan) -> None:
    about = plan().about
    assert about.startswith("dts-stand-in is perdure's local stand-in for Azure Durable Task")
    assert "it is not DTS." in about
    for missing in ("entities", "rewind", "latency", "scaling", "choice", "unconfirmed"):
        assert missing in about


def test_with_tls_clients_are_told_whom_to_trust(plan: Plan, tmp_path: Path) -> None:
    planned = plan(tls=True)
    given = flags(planned)
    told = planned.exports["DURABLE_TASK_SCHEDULER_CONNECTION_STRING"]
    assert re.match(r"Endpoint=https://127\.0\.0\.1:\d+;", told)
    trusted = Path(planned.exports["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"])
    authority = x509.load_pem_x509_certificate(trusted.read_bytes())
    shown = x509.load_pem_x509_certificate(Path(given["tls-cert"]).read_bytes())
    shown.verify_directly_issued_by(authority)
    key = Path(given["tls-key"])
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert b"PRIVATE KEY" in key.read_bytes()


def test_the_certificate_is_the_same_at_the_next_start(tmp_path: Path) -> None:
    first = make_certificates(tmp_path).certificate.read_bytes()
    assert make_certificates(tmp_path).certificate.read_bytes() == first


@pytest.mark.parametrize("lost", ["server.key", "authority.pem"])
def test_a_certificate_of_which_a_part_is_lost_is_made_anew(tmp_path: Path, lost: str) -> None:
    first = make_certificates(tmp_path).certificate.read_bytes()
    (tmp_path / lost).unlink()
    assert make_certificates(tmp_path).certificate.read_bytes() != first
    assert (tmp_path / lost).exists()
