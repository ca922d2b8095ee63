"""Where the sidecar's HTTP API is: what the caller says, else what Dapr's own variables say."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from perdure.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

ENDPOINT_VARIABLE: Final = "DAPR_HTTP_ENDPOINT"
HOST_VARIABLE: Final = "DAPR_RUNTIME_HOST"
PORT_VARIABLE: Final = "DAPR_HTTP_PORT"
TOKEN_VARIABLE: Final = "DAPR_API_TOKEN"

_DEFAULT_HOST: Final = "127.0.0.1"
_DEFAULT_PORT: Final = "3500"


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarAddress:
    """A sidecar's HTTP API.

    Attributes:
        endpoint: Its URL, without a slash at the end.
        token: The API token to show; empty for none.
        is_local: Whether it is on this host, where no proxy of the user's is on the way.
    """

    endpoint: str
    token: str = field(default="", repr=False)
    is_local: bool = True


def find_sidecar(
    *,
    endpoint: str | None = None,
    api_token: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> SidecarAddress:
    """Return the sidecar of that endpoint, or the one that ``environment`` names.

    Raises:
        ConfigurationError: The endpoint, or a variable, cannot be used.
    """
    variables = os.environ if environment is None else environment
    setting = "endpoint"
    if endpoint is None:
        setting, endpoint = _from_variables(variables)
    parts = urlsplit(endpoint if "://" in endpoint else f"http://{endpoint}")
    try:
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        is_usable = False
    # A password would get into messages and traces; Dapr takes a token instead.
    if not is_usable or parts.query or parts.fragment or parts.username is not None:
        # The value stays out of the message, since what is wrong with it may be a password.
        problem = "not of the form http://HOST:PORT, such as http://127.0.0.1:3500"
        raise ConfigurationError(setting=setting, problem=problem)
    token = variables.get(TOKEN_VARIABLE, "") if api_token is None else api_token
    return SidecarAddress(
        endpoint=parts.geturl().rstrip("/"), token=token, is_local=_is_local(parts.hostname or "")
    )


def _from_variables(variables: Mapping[str, str]) -> tuple[str, str]:
    if endpoint := variables.get(ENDPOINT_VARIABLE):
        return ENDPOINT_VARIABLE, endpoint
    host = variables.get(HOST_VARIABLE) or _DEFAULT_HOST
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return PORT_VARIABLE, f"http://{host}:{variables.get(PORT_VARIABLE) or _DEFAULT_PORT}"


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
