"""Where the sidecar is: what ``PERDURE_BACKEND=dapr…`` and Dapr's own variables say."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from perdure.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

ENDPOINT_VARIABLE: Final = "DAPR_GRPC_ENDPOINT"
HOST_VARIABLE: Final = "DAPR_RUNTIME_HOST"
PORT_VARIABLE: Final = "DAPR_GRPC_PORT"
TOKEN_VARIABLE: Final = "DAPR_API_TOKEN"
APP_VARIABLE: Final = "DAPR_APP_ID"

_SCHEME: Final = "dapr"
_DEFAULT_HOST: Final = "127.0.0.1"
_DEFAULT_PORT: Final = 50001
_OPTIONS: Final = ("hub", "record", "tls")
_SECURE: Final = {"http": False, "grpc": False, "https": True, "grpcs": True}
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}
_SWITCH: Final = {"on": True, "off": False}
_PORT: Final = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A sidecar.

    Attributes:
        target: ``host:port``, or another of gRPC's forms, such as ``unix:path``.
        is_secure: Whether it is spoken to over TLS.
        token: The API token to show, if any.
        app_id: The app id that the sidecar must have, if one was named.
        app_id_setting: What named it.
        is_recorded: Whether workers record results of activities that may run again, too.
    """

    target: str
    is_secure: bool = False
    token: str | None = field(default=None, repr=False)
    app_id: str | None = None
    app_id_setting: str = ""
    is_recorded: bool = True

    @property
    def is_local(self) -> bool:
        """Whether the sidecar is on this host."""
        if self.target.startswith("unix:"):
            return True
        host = self.target.rpartition(":")[0].strip("[]")
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host.lower() == "localhost"


def parse_address(url: str, *, environment: Mapping[str, str] | None = None) -> Address:
    """Return what ``dapr``, ``dapr://host`` or ``dapr://host:port`` says, options after a ``?``.

    Without a host the address is that of Dapr's variables, and at last ``127.0.0.1:50001``. Options
    are ``hub``, the app id that the sidecar must have, ``tls=true`` and ``record=off``. The API
    token comes from ``DAPR_API_TOKEN`` alone, so that no secret stands in a URL.

    Raises:
        ConfigurationError: The URL, or one of the variables, cannot be used.
    """
    variables = os.environ if environment is None else environment
    parts = urlsplit(url if "://" in url else url.replace(_SCHEME, f"{_SCHEME}://", 1))
    if parts.scheme != _SCHEME or parts.path.strip("/") or parts.username is not None:
        problem = f"{url!r} is not of the form dapr, or dapr://host:port"
        raise ConfigurationError(setting="backend", problem=problem)
    options = _options_of(parts.query, url)
    if parts.netloc:
        target, is_secure = _joined(parts.netloc, setting=f"backend {url!r}"), False
    else:
        target, is_secure = _given_by(variables)
    if "tls" in options:
        is_secure = _boolean(options["tls"], setting=f"tls in {url!r}")
    app_id, setting = _app_id(options, variables)
    return Address(
        target=target,
        is_secure=is_secure,
        token=variables.get(TOKEN_VARIABLE) or None,
        app_id=app_id,
        app_id_setting=setting,
        is_recorded=_is_recorded(options, url),
    )


def _options_of(query: str, url: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    options = dict(pairs)
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown:
        problem = f"unknown option {unknown[0]!r} in {url!r}; known: {', '.join(_OPTIONS)}"
        raise ConfigurationError(setting="backend", problem=problem)
    if len(options) < len(pairs):
        raise ConfigurationError(setting="backend", problem=f"an option is given twice in {url!r}")
    return options


def _is_recorded(options: Mapping[str, str], url: str) -> bool:
    value = options.get("record", "on")
    if value not in _SWITCH:
        problem = f"{value!r} in {url!r}: say on or off"
        raise ConfigurationError(setting="record", problem=problem)
    return _SWITCH[value]


def _app_id(options: Mapping[str, str], variables: Mapping[str, str]) -> tuple[str | None, str]:
    if options.get("hub"):
        return options["hub"], "the hub"
    return variables.get(APP_VARIABLE) or None, APP_VARIABLE


def _given_by(variables: Mapping[str, str]) -> tuple[str, bool]:
    endpoint = variables.get(ENDPOINT_VARIABLE)
    if endpoint:
        return _endpoint(endpoint)
    host = variables.get(HOST_VARIABLE) or _DEFAULT_HOST
    port = variables.get(PORT_VARIABLE) or str(_DEFAULT_PORT)
    if not _is_port(port):
        problem = f"{port!r} is no port; say a number from 1 to 65535"
        raise ConfigurationError(setting=PORT_VARIABLE, problem=problem)
    return _joined(f"{_bracketed(host)}:{port}", setting=HOST_VARIABLE), False


def _endpoint(text: str) -> tuple[str, bool]:
    if text.startswith(("unix:", "dns:")):
        return text, False  # gRPC's own forms
    if "://" not in text:
        text = f"http://{text}"
    parts = urlsplit(text)
    if parts.scheme not in _SECURE:
        known = ", ".join(f"{scheme}://" for scheme in _SECURE)
        problem = f"{text!r} begins with {parts.scheme}://; use one of {known}, dns:, unix:"
        raise ConfigurationError(setting=ENDPOINT_VARIABLE, problem=problem)
    is_secure = _SECURE[parts.scheme]
    tls = dict(parse_qsl(parts.query)).get("tls")
    if tls is not None:
        is_secure = _boolean(tls, setting=f"tls in {ENDPOINT_VARIABLE}")
    default = 443 if is_secure else _DEFAULT_PORT
    return _joined(parts.netloc, setting=ENDPOINT_VARIABLE, default_port=default), is_secure


def _joined(netloc: str, *, setting: str, default_port: int = _DEFAULT_PORT) -> str:
    host, port = netloc, ""
    if ":" in netloc.rpartition("]")[2]:
        host, _, port = netloc.rpartition(":")
    if not host or (port and not _is_port(port)):
        problem = f"{netloc!r} is no host:port; for example 127.0.0.1:{_DEFAULT_PORT}"
        raise ConfigurationError(setting=setting, problem=problem)
    return f"{host}:{port or default_port}"


def _is_port(text: str) -> bool:
    return bool(_PORT.fullmatch(text)) and 0 < int(text) < 65536


def _bracketed(host: str) -> str:
    return f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host


def _boolean(text: str, *, setting: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise ConfigurationError(setting=setting, problem=f"{text!r} is neither true nor false")
    return _BOOLEANS[text.lower()]
