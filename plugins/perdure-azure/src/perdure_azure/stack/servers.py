"""The command line of the stand-in, on loopback, and how clients reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from perdure.stack import LOOPBACK, HealthCheck, Server
from perdure_azure.stack.build import PROGRAM, STACK
from perdure_azure.stack.durations import go_duration, read_duration

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from perdure.stack import PortBook
    from perdure_azure.stack.certificates import Certificates
    from perdure_azure.stack.options import StackOptions

_GRACE_SECONDS: Final = 10.0


def stand_in(
    program: Path,
    options: StackOptions,
    *,
    data: Path,
    ports: PortBook,
    certificates: Certificates | None,
) -> Server:
    """Return the one server.

    Args:
        program: What is run.
        options: As the user chose.
        data: Where it stores its hubs.
        ports: Where ports come from.
        certificates: What it proves itself with; ``None`` for no TLS.
    """
    taken = {use: ports.take(f"{PROGRAM}.{use}") for use in ("grpc", "admin")}
    flags: dict[str, object] = {
        "port": taken["grpc"],
        "admin-port": taken["admin"],
        "data": data,
        "hubs": options.hubs,
        "sku": options.sku,
        "units": options.units,
        "throttle": options.throttle,
        "round-trip": _milliseconds(options.delay),
        "retention": _milliseconds(read_duration(options.retention)),
        "log-level": options.log_level,
    }
    if options.actions_per_second:
        flags["actions-per-second"] = options.actions_per_second
    if certificates is not None:
        flags["tls-cert"] = certificates.certificate
        flags["tls-key"] = certificates.key
    words = [f"--{name}={value}" for name, value in flags.items()]
    return Server(
        name=PROGRAM,
        command=(str(program), *words, *(["--dynamic-hubs"] if options.dynamic_hubs else [])),
        health=HealthCheck(url=f"http://{LOOPBACK}:{taken['admin']}/health"),
        ports=taken,
        grace_seconds=_GRACE_SECONDS,
    )


def endpoint_of(server: Server, *, is_secure: bool) -> str:
    """Return where clients reach ``server``."""
    scheme = "https" if is_secure else "http"
    return f"{scheme}://{LOOPBACK}:{server.ports['grpc']}"


def url_of(server: Server, hub: str, *, is_secure: bool) -> str:
    """Return the value for ``PERDURE_BACKEND`` that reaches a hub of ``server`` by itself."""
    # On loopback neither TLS nor a token is taken for granted: see perdure_azure.address.
    options = "?tls=true&authentication=None" if is_secure else ""
    return f"{STACK}://{LOOPBACK}:{server.ports['grpc']}/{hub}{options}"


def connection_string(endpoint: str, hub: str) -> str:
    """Return how Microsoft's clients, and perdure, are told of a hub of the stand-in."""
    return f"Endpoint={endpoint};TaskHub={hub};Authentication=None"


def _milliseconds(duration: timedelta | None) -> str:
    if duration is None:  # the options were checked
        raise AssertionError("a duration that cannot be read")
    return go_duration(duration)
