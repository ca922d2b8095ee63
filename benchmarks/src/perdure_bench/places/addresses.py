"""Where a backend of the user's own is, in the words of perdure and of the vendors' SDKs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from perdure.errors import ConfigurationError
from perdure_bench.places.place import PlaceError

if TYPE_CHECKING:
    from collections.abc import Mapping

GIVEN = ("azure", "dapr")
"""The backends that a user may have of their own."""

_CONNECTION_STRING = "DURABLE_TASK_SCHEDULER_CONNECTION_STRING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """A backend's address.

    Attributes:
        shown: The host, and the hub if it is known; no option, and so no secret.
        perdure: The variables for perdure.
        native: The variables for the vendor's own SDK.
        is_stand_in: Of ``azure``, ``no`` if it can be Durable Task Scheduler itself, which speaks
            TLS alone, else ``yes``; of ``dapr`` nothing.
        sdk: The vendor's, with its version.
    """

    shown: str
    perdure: Mapping[str, str]
    native: Mapping[str, str]
    is_stand_in: str = ""
    sdk: str


def read_address(name: str, address: str) -> Where:
    """Return where an address is; nothing is connected to.

    Args:
        name: ``azure`` or ``dapr``.
        address: A URL for ``PERDURE_BACKEND``; of ``azure`` also a connection string.

    Raises:
        PlaceError: There is no such backend of one's own, or the address cannot be used.
    """
    if name not in GIVEN:
        known = " or ".join(GIVEN)
        raise PlaceError(f"{name}={address}: only {known} can be one's own")
    try:
        return _azure(address) if name == "azure" else _dapr(address)
    except (ConfigurationError, ImportError) as error:
        raise PlaceError(f"{name}=: {error}") from error


def _azure(text: str) -> Where:
    from perdure_azure.address import parse_address

    is_url = text.partition(":")[0].partition("?")[0].strip("/") == "azure"
    given = {"PERDURE_BACKEND": text} if is_url else _by_connection_string(text)
    address = parse_address(given["PERDURE_BACKEND"], environment={**os.environ, **given})
    scheme = "https" if address.is_secure else "http"
    return Where(
        shown=f"{address.target}, task hub {address.hub}",
        perdure=given,
        native={"ENDPOINT": f"{scheme}://{address.target}", "TASKHUB": address.hub},
        is_stand_in="no" if address.is_secure else "yes",
        sdk=versions("durabletask.azuremanaged", "durabletask"),
    )


def _by_connection_string(text: str) -> dict[str, str]:
    return {"PERDURE_BACKEND": "azure", _CONNECTION_STRING: text}


def _dapr(url: str) -> Where:
    from perdure_dapr.address import parse_address

    address = parse_address(url)
    scheme = "https" if address.is_secure else "http"
    return Where(
        shown=address.target,
        perdure={"PERDURE_BACKEND": url},
        native={"DAPR_GRPC_ENDPOINT": f"{scheme}://{address.target}"},
        sdk=versions("dapr"),
    )


def versions(*packages: str) -> str:
    """Return installed packages with their versions, in words."""
    return ", ".join(f"{package} {_version(package)}" for package in packages)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"
