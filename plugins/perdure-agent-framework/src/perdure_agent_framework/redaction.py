"""Keeping secrets out of what is stored and logged: API keys, tokens, headers that carry them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

REDACTED = "[redacted]"

_SECRET_NAME = re.compile(
    r"(api|private|subscription)[-_]?key|authorization|password|passwd|secret|credential|cookie"
    r"|bearer|(access|auth|refresh|id|session|api)[-_]token|^token$",
    re.IGNORECASE,
)
_SECRETS = (
    re.compile(r"(?<![A-Za-z0-9])(?:sk|pk|rk)-[A-Za-z0-9_*.\-]{6,}"),
    re.compile(r"(?<=Bearer )[^\s\"',}]+", re.IGNORECASE),
    re.compile(r"(?<=Basic )[A-Za-z0-9+/=]{8,}"),
    re.compile(r"(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"),  # of a URL
    re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|AIza[A-Za-z0-9_-]{30,})"),
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    re.compile(
        r"(?:(?<=api-key)|(?<=api_key)|(?<=apikey)|(?<=authorization))[\"']?\s*[:=]\s*"
        r"(?!\s*[\"']?(?:Bearer|Basic)\b)[\"']?[^\s\"',}&]+",
        re.IGNORECASE,
    ),
)
_SHORTEST_SECRET = 8
_DEPTH = 3


def is_secret_name(name: str) -> bool:
    """Return whether what goes by ``name``, an argument or a header, is likely a secret."""
    return _SECRET_NAME.search(name) is not None


def secret_names(value: Any, path: str) -> Iterator[str]:
    """Yield the names in nested mappings and lists under which something secret is likely given."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            place = f"{path}[{name!r}]"
            if is_secret_name(str(name)) and isinstance(item, str | bytes):
                yield place
            else:
                yield from secret_names(item, place)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from secret_names(item, f"{path}[{number}]")


def secrets_of(client: object) -> frozenset[str]:
    """Return the secrets that a chat client holds, as far as their names tell."""
    return frozenset(_found(client, _DEPTH))


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return ``text`` without these secrets, and without what looks like one."""
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    for pattern in _SECRETS:
        text = pattern.sub(REDACTED, text)
    return text


def _found(holder: object, depth: int) -> Iterator[str]:
    for name, value in list(getattr(holder, "__dict__", {}).items()):
        if isinstance(value, str):
            if is_secret_name(name) and len(value) >= _SHORTEST_SECRET:
                yield str(value)
        elif isinstance(value, Mapping):
            yield from (
                item
                for key, item in value.items()
                if isinstance(item, str)
                and is_secret_name(str(key))
                and len(item) >= _SHORTEST_SECRET
            )
        elif is_secret_name(name) and hasattr(value, "get_secret_value"):
            yield str(value.get_secret_value())
        elif depth and "client" in name.lower():
            yield from _found(value, depth - 1)
