"""Checks: what a sidecar must be for workflows to run on it, each lack with what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from perdure.errors import BackendUnavailableError, ConfigurationError, InvalidNameError
from perdure_dapr import faults

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perdure.names import FunctionKind
    from perdure_dapr.address import Address
    from perdure_dapr.sidecar import Metadata

_OLDEST: Final = (1, 17)
_RESERVED_PREFIX: Final = "dapr.internal."
_ACTOR: Final = "ACTOR"
_VERSION: Final = re.compile(r"v?(\d+)\.(\d+)")
_STORE: Final = (
    "no state store for actors; add one to its resources, for example\n"
    "    apiVersion: dapr.io/v1alpha1\n"
    "    kind: Component\n"
    "    metadata: {name: workflows}\n"
    "    spec:\n"
    "      type: state.sqlite\n"
    "      version: v1\n"
    "      metadata:\n"
    '      - {name: connectionString, value: "file:workflows.db"}\n'
    '      - {name: actorStateStore, value: "true"}'
)


def check(metadata: Metadata, address: Address) -> None:
    """Refuse a sidecar that cannot run workflows, or is another than the one that was named.

    Raises:
        BackendUnavailableError: It lacks something.
        ConfigurationError: It has another app id.
    """
    if address.app_id is not None and metadata.app_id != address.app_id:
        problem = (
            f"{address.app_id_setting} is {address.app_id!r}, but the sidecar at {address.target} "
            f"has the app id {metadata.app_id!r}; a hub is the app id of its sidecars"
        )
        raise ConfigurationError(setting="backend", problem=problem)
    lack = _lack_of(metadata)
    if lack is not None:
        where = f"the sidecar at {address.target} (app {metadata.app_id!r})"
        raise BackendUnavailableError(backend=faults.NAME, problem=f"{where} has {lack}")


def _lack_of(metadata: Metadata) -> str | None:
    match = _VERSION.match(metadata.version)
    if match and (int(match[1]), int(match[2])) < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        return f"version {metadata.version}; workflows of perdure need {oldest} or newer"
    if not any(_ACTOR in capabilities for capabilities in metadata.stores.values()):
        return _STORE
    if not metadata.has_scheduler:
        return (
            "no connection to a scheduler; start the scheduler service and give the sidecar "
            "--scheduler-host-address"
        )
    if not metadata.is_actor_host or "disconnected" in metadata.placement:
        return (
            f"no connection to placement ({metadata.placement or 'none configured'}); start the "
            "placement service and give the sidecar --placement-host-address"
        )
    return None


def check_names(kind: FunctionKind, names: Iterable[str]) -> None:
    """Refuse the names that a sidecar keeps for itself: it would never hand such work to a worker.

    Raises:
        InvalidNameError: One begins with ``dapr.internal.`` (``ReservedWorkflowNamePrefix`` in
            ``pkg/runtime/wfengine/wfengine.go`` of Dapr).
    """
    for name in names:
        if name.startswith(_RESERVED_PREFIX):
            rule = f"names that begin with {_RESERVED_PREFIX!r} are Dapr's own; give another name="
            raise InvalidNameError(kind=kind, name=name, rule=rule)
