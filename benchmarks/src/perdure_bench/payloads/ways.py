"""In which ways the probes are made: with which SDK and store, and with which limit of servers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from perdure_bench.cells import NATIVE, PERDURE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perdure.stack import OptionValue

INLINE = f"{PERDURE}-inline"
STORE = f"{PERDURE}-store"
DEFAULT_SIDECAR = "-4MiB"
"""The end of the names of ways on a sidecar with Dapr's own default; ``perdure stack`` has 64Mi."""

_PERDURE_SIDE = "perdure_bench.payloads.perdure_side"
_OWN = "perdure without a payload store"
_STORED = "perdure, with a payload store of files: the claim check"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeWay:
    """One way.

    Attributes:
        about: What is particular about it, in words.
        servers: What is particular about the servers that it gets, in words.
        module: What the process runs.
        environment: Its variables beyond those of the place; ``{folder}`` is one of its own.
        options: Of the stack, beyond those that the place has in other suites.
    """

    about: str
    servers: str = ""
    module: str = _PERDURE_SIDE
    environment: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, OptionValue] = field(default_factory=dict)


_WITHOUT_STORE = {"PERDURE_PAYLOADS": "inline://"}
_SIDECAR_AT_DEFAULT = {"max_body_size": "4Mi"}
_AT_DEFAULT = "daprd --max-body-size 4Mi, its own default"
_AT_64 = "daprd --max-body-size 64Mi"
_STAND_IN = (
    "the stand-in for DTS: where DTS refuses is published, how it does so is the stand-in's choice"
)
_DAPR_SDK = "perdure_bench.payloads.dapr_side"

WAYS: Mapping[str, Mapping[str, ProbeWay]] = {
    "embedded": {
        PERDURE: ProbeWay(about=f"{_OWN}: its default here"),
        STORE: ProbeWay(about=_STORED, environment={"PERDURE_PAYLOADS": "file://{folder}"}),
    },
    "azure": {
        PERDURE: ProbeWay(about=f"{_STORED}; its default here", servers=_STAND_IN),
        INLINE: ProbeWay(about=_OWN, servers=_STAND_IN, environment=_WITHOUT_STORE),
        NATIVE: ProbeWay(
            about="Microsoft's SDK with its default options, without its own store in Azure Blob",
            servers=_STAND_IN,
            module="perdure_bench.payloads.azure_side",
        ),
    },
    "dapr": {
        PERDURE: ProbeWay(about=f"{_STORED}; its default here", servers=_AT_64),
        INLINE: ProbeWay(about=_OWN, servers=_AT_64, environment=_WITHOUT_STORE),
        NATIVE: ProbeWay(
            about="Dapr's SDK, its limit of gRPC messages raised to 64 MiB",
            servers=_AT_64,
            module=_DAPR_SDK,
            environment={"DAPR_GRPC_MAX_INBOUND_MESSAGE_SIZE_BYTES": str(64 << 20)},
        ),
        PERDURE + DEFAULT_SIDECAR: ProbeWay(
            about=f"{_STORED}; its default here",
            servers=_AT_DEFAULT,
            options=_SIDECAR_AT_DEFAULT,
        ),
        INLINE + DEFAULT_SIDECAR: ProbeWay(
            about=_OWN,
            servers=_AT_DEFAULT,
            environment=_WITHOUT_STORE,
            options=_SIDECAR_AT_DEFAULT,
        ),
        NATIVE + DEFAULT_SIDECAR: ProbeWay(
            about="Dapr's SDK with its default options",
            servers=_AT_DEFAULT,
            module=_DAPR_SDK,
            options=_SIDECAR_AT_DEFAULT,
        ),
    },
}
"""By backend and name, in the order in which a report shows them."""
