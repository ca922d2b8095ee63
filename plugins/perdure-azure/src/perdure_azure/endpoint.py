"""Where a scheduler listens: host, port, and whether it is spoken to over TLS."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from perdure.errors import ConfigurationError

# What Microsoft's emulator listens on, and what its samples assume.
PLAIN_PORT: Final = 8080
SECURE_PORT: Final = 443

_SECURE: Final[dict[str, bool | None]] = {"http": False, "https": True, "azure": None}
_PORT: Final = re.compile(r"[0-9]{1,5}")
_HOST: Final = re.compile(r"[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An endpoint as it was written.

    Attributes:
        host: With brackets around an IPv6 address.
        port: None if none was written.
        is_secure: None if no scheme says it.
    """

    host: str
    port: int | None
    is_secure: bool | None

    @property
    def is_local(self) -> bool:
        """Whether it is on this host."""
        return is_loopback(self.host)

    def target(self, *, is_secure: bool) -> str:
        """Return ``host:port`` as gRPC takes it."""
        return f"{self.host}:{self.port or (SECURE_PORT if is_secure else PLAIN_PORT)}"


def parse_endpoint(text: str, *, setting: str) -> Endpoint:
    """Return what ``https://host``, ``http://host:port`` or ``host`` says; the last means https.

    ``azure://host`` leaves open whether TLS is used.

    Raises:
        ConfigurationError: It is none of these.
    """
    parts = urlsplit(text if "://" in text else f"https://{text}")
    if parts.scheme not in _SECURE:
        problem = f"{parts.scheme}:// is not possible; use https://, or http:// for the emulator"
        raise ConfigurationError(setting=setting, problem=problem)
    host, port = _split(parts.netloc)
    is_fit = _HOST.fullmatch(host) and (not port or _is_port(port))
    if not is_fit or parts.path.strip("/") or parts.query or parts.fragment:
        shown = parts.netloc.rpartition("@")[2] + parts.path
        problem = f"{shown!r} is no endpoint; for example https://NAME.REGION.durabletask.io"
        raise ConfigurationError(setting=setting, problem=problem)
    return Endpoint(host=host, port=int(port) if port else None, is_secure=_SECURE[parts.scheme])


def is_loopback(host: str) -> bool:
    """Return whether ``host`` is this machine's loopback address or ``localhost``."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _split(netloc: str) -> tuple[str, str]:
    if ":" not in netloc.rpartition("]")[2]:
        return netloc, ""
    host, _, port = netloc.rpartition(":")
    return host, port or "-"  # an empty port is none that counts


def _is_port(text: str) -> bool:
    return bool(_PORT.fullmatch(text)) and 0 < int(text) < 65536
