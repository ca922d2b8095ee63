"""The command lines of Dapr's servers, all on loopback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from perdure.stack import LOOPBACK, HealthCheck, Server

if TYPE_CHECKING:
    from pathlib import Path

    from perdure.stack import PortBook
    from perdure_dapr.stack.options import StackOptions

SENTRY: Final = "sentry"
PLACEMENT: Final = "placement"
SCHEDULER: Final = "scheduler"
SIDECAR: Final = "daprd"

_TRUST_DOMAIN: Final = "localhost"
# Without it daprd looks for an address of the machine that others can reach, and tells that one to
# placement.
_ENVIRONMENT: Final = {"DAPR_HOST_IP": LOOPBACK, "NAMESPACE": "default"}
_DRAIN_SECONDS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What the command lines are made from.

    Attributes:
        programs: The folder with the four programs.
        folder: The stack's own.
        ports: Where ports come from.
        options: As the user chose.
        components: The folder with the state store.
        configuration: The file of the sidecars' settings.
        sentry_configuration: The file of sentry's.
        api_token: What clients must send; empty for nothing.
    """

    programs: Path
    folder: Path
    ports: PortBook
    options: StackOptions
    components: Path
    configuration: Path
    sentry_configuration: Path
    api_token: str

    @property
    def certificates(self) -> Path:
        """Where sentry keeps its authority."""
        return self.folder / "state" / "certificates"


def sidecar_names(options: StackOptions) -> list[str]:
    """Return the names of the sidecars: ``daprd``, ``daprd-2`` …."""
    more = [f"{SIDECAR}-{number}" for number in range(2, options.sidecars + 1)]
    return [SIDECAR, *more]


def servers(layout: Layout) -> tuple[Server, ...]:
    """Return all servers, the control plane first."""
    authority = _sentry(layout) if layout.options.mtls else None
    placement = _placement(layout, authority)
    scheduler = _scheduler(layout, authority)
    sidecars = [
        _sidecar(name, layout, placement, scheduler, authority)
        for name in sidecar_names(layout.options)
    ]
    return (*([authority] if authority else []), placement, scheduler, *sidecars)


def _sentry(layout: Layout) -> Server:
    layout.certificates.mkdir(parents=True, exist_ok=True, mode=0o700)
    ports = _take(layout, SENTRY, "grpc", "health")
    return Server(
        name=SENTRY,
        command=(
            str(layout.programs / SENTRY),
            *_flags(
                issuer_credentials=layout.certificates,
                trust_domain=_TRUST_DOMAIN,
                port=ports["grpc"],
                listen_address=LOOPBACK,
                config=layout.sentry_configuration,
                enable_metrics="false",
                log_level=layout.options.log_level,
            ),
            *_health(ports),
        ),
        health=HealthCheck(url=f"http://{LOOPBACK}:{ports['health']}/healthz"),
        stage=0,
        ports=ports,
        environment=_ENVIRONMENT,
    )


def _placement(layout: Layout, authority: Server | None) -> Server:
    ports = _take(layout, PLACEMENT, "grpc", "raft", "health")
    return Server(
        name=PLACEMENT,
        command=(
            str(layout.programs / PLACEMENT),
            *_flags(
                id="dapr-placement-0",
                port=ports["grpc"],
                listen_address=LOOPBACK,
                initial_cluster=f"dapr-placement-0={LOOPBACK}:{ports['raft']}",
                enable_metrics="false",
                log_level=layout.options.log_level,
            ),
            *_health(ports),
            *_trust(layout, authority),
        ),
        health=HealthCheck(url=f"http://{LOOPBACK}:{ports['health']}/healthz"),
        stage=1,
        ports=ports,
        environment=_ENVIRONMENT,
    )


def _scheduler(layout: Layout, authority: Server | None) -> Server:
    ports = _take(layout, SCHEDULER, "grpc", "etcd-client", "etcd-peer", "health", "metrics")
    jobs = layout.folder / "state" / "scheduler"
    jobs.mkdir(parents=True, exist_ok=True)
    jobs.chmod(0o700)  # etcd refuses any other
    scheme = "https" if authority else "http"
    return Server(
        name=SCHEDULER,
        command=(
            str(layout.programs / SCHEDULER),
            *_flags(
                id="dapr-scheduler-server-0",
                port=ports["grpc"],
                listen_address=LOOPBACK,
                override_broadcast_host_port=f"{LOOPBACK}:{ports['grpc']}",
                identity_directory_write=layout.folder / "identity",
                etcd_data_dir=jobs,
                etcd_client_port=ports["etcd-client"],
                etcd_client_listen_address=LOOPBACK,
                etcd_initial_cluster=(
                    f"dapr-scheduler-server-0={scheme}://{LOOPBACK}:{ports['etcd-peer']}"
                ),
                etcd_initial_election_tick_advance="true",
                workers=128,
                metrics_port=ports["metrics"],
                metrics_listen_address=LOOPBACK,
                log_level=layout.options.log_level,
            ),
            *_health(ports),
            *_trust(layout, authority),
        ),
        health=HealthCheck(url=f"http://{LOOPBACK}:{ports['health']}/healthz"),
        stage=1,
        ports=ports,
        environment=_ENVIRONMENT,
    )


def _sidecar(
    name: str, layout: Layout, placement: Server, scheduler: Server, authority: Server | None
) -> Server:
    ports = _take(layout, name, "http", "grpc", "internal", "metrics")
    trust: tuple[str, ...] = ()
    if authority is not None:
        sentry = f"{LOOPBACK}:{authority.ports['grpc']}"
        trust = _flags(sentry_address=sentry, control_plane_trust_domain=_TRUST_DOMAIN)
        trust += ("--enable-mtls",)
    return Server(
        name=name,
        command=(
            str(layout.programs / SIDECAR),
            *_flags(
                app_id=layout.options.app_id,
                mode="standalone",
                dapr_listen_addresses=LOOPBACK,
                dapr_http_port=ports["http"],
                dapr_grpc_port=ports["grpc"],
                dapr_internal_grpc_port=ports["internal"],
                dapr_internal_grpc_listen_address=LOOPBACK,
                metrics_port=ports["metrics"],
                metrics_listen_address=LOOPBACK,
                placement_host_address=f"{LOOPBACK}:{placement.ports['grpc']}",
                scheduler_host_address=f"{LOOPBACK}:{scheduler.ports['grpc']}",
                resources_path=layout.components,
                config=layout.configuration,
                max_body_size=layout.options.max_body_size,
                dapr_graceful_shutdown_seconds=_DRAIN_SECONDS,
                log_level=layout.options.log_level,
            ),
            *_further_components(layout),
            *trust,
        ),
        health=HealthCheck(url=f"http://{LOOPBACK}:{ports['http']}/v1.0/healthz", status=204),
        stage=2,
        ports=ports,
        environment={
            **_ENVIRONMENT,
            **({"DAPR_API_TOKEN": layout.api_token} if layout.api_token else {}),
        },
        environment_files=(
            {"DAPR_TRUST_ANCHORS": str(layout.certificates / "ca.crt")} if authority else {}
        ),
        grace_seconds=_DRAIN_SECONDS + 5.0,
    )


def _further_components(layout: Layout) -> tuple[str, ...]:
    """Return the flag again that names the folder with the state store: daprd reads both."""
    folder = layout.options.components
    return _flags(resources_path=folder) if folder else ()


def _trust(layout: Layout, authority: Server | None) -> tuple[str, ...]:
    """Return how the control plane proves who it is."""
    if authority is None:
        return ("--tls-enabled=false",)
    return _flags(
        tls_enabled="true",
        sentry_address=f"{LOOPBACK}:{authority.ports['grpc']}",
        trust_anchors_file=layout.certificates / "ca.crt",
        trust_domain=_TRUST_DOMAIN,
    )


def _health(ports: dict[str, int]) -> tuple[str, ...]:
    return _flags(healthz_port=ports["health"], healthz_listen_address=LOOPBACK)


def _take(layout: Layout, server: str, *uses: str) -> dict[str, int]:
    return {use: layout.ports.take(f"{server}.{use}") for use in uses}


def _flags(**values: object) -> tuple[str, ...]:
    return tuple(f"--{name.replace('_', '-')}={value}" for name, value in values.items())
