"""How payloads are stored: what ``PERDURE_PAYLOADS``, a profile or ``App(payloads=…)`` says."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from perdure.errors import ConfigurationError
from perdure.payloads.encryption import KEYS_VARIABLE, Key, parse_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_THRESHOLD = 192 * 1024
INLINE = "inline://"
SETTING = "PERDURE_PAYLOADS"

_SIZE = re.compile(r"(\d{1,9})(|B|KiB|MiB)")
_UNITS = {"": 1, "B": 1, "KiB": 1024, "MiB": 1024 * 1024}
_OPTIONS = ("codecs", "threshold")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payloads:
    """How payloads are stored. All workers and clients of a hub must be able to read what is there.

    Attributes:
        store: The URL of the store for what is large, as ``file:///var/lib/perdure`` or
            ``s3://bucket/folder``; ``None`` leaves it to the backend, most of which have none.
        store_options: What fsspec is given beside the URL.
        codecs: What is applied to each payload, by name and in order: ``gzip``, ``zstd``, plugins.
            Encryption is added behind them where there are keys.
        keys: The keys, the one to encrypt with first. Those that follow only decrypt.
        threshold: From how many bytes on a payload goes to the store.
        is_inline: Whether all is to be kept inline, even where a backend would use a store.
    """

    store: str | None = None
    store_options: Mapping[str, Any] = field(default_factory=dict)
    codecs: tuple[str, ...] = ()
    keys: tuple[Key, ...] = field(default=(), repr=False)
    threshold: int = DEFAULT_THRESHOLD
    is_inline: bool = False

    def __post_init__(self) -> None:
        if self.threshold < 0:
            problem = f"threshold is a number of bytes, got {self.threshold}"
            raise ConfigurationError(setting="payloads", problem=problem)
        if len(set(self.codecs)) < len(self.codecs):
            raise ConfigurationError(setting="payloads", problem="a codec is named twice")


def parse_payloads(text: str | None, *, keys: str | None, setting: str = SETTING) -> Payloads:
    """Return what a setting says: a store's URL, with ``?codecs=gzip&threshold=192KiB`` if need be.

    Args:
        text: The URL; ``inline://`` is for no store at all, or codecs without one.
        keys: What ``PERDURE_PAYLOAD_KEYS`` holds.
        setting: Where ``text`` was found, for messages.

    Raises:
        ConfigurationError: It cannot be used.
    """
    payloads = Payloads(keys=parse_keys(keys, setting=KEYS_VARIABLE) if keys else ())
    if not text:
        return payloads
    address, _, query = text.partition("?")
    rest = []
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name == "codecs":
            codecs = tuple(filter(None, value.split(",")))
            payloads = replace(payloads, codecs=codecs)
        elif name == "threshold":
            payloads = replace(payloads, threshold=_size(value, setting))
        elif address.startswith(("file:", INLINE)):
            problem = f"unknown option {name!r} in {text!r}; known: {', '.join(_OPTIONS)}"
            raise ConfigurationError(setting=setting, problem=problem)
        else:
            rest.append((name, value))  # it is the store's own
    if address == INLINE:
        return replace(payloads, is_inline=True)
    return replace(payloads, store=f"{address}?{urlencode(rest)}" if rest else address)


def read_payloads(text: str | None, *, setting: str = SETTING) -> Payloads:
    """Return what a setting says, with the keys of this process's environment.

    Raises:
        ConfigurationError: It cannot be used.
    """
    return parse_payloads(text, keys=os.environ.get(KEYS_VARIABLE), setting=setting)


def with_default(payloads: Payloads, store: str | None) -> Payloads:
    """Return the settings, with the store that a backend would use where they say nothing."""
    if store is None or payloads.store is not None or payloads.is_inline:
        return payloads
    return replace(payloads, store=store)


def _size(value: str, setting: str) -> int:
    match = _SIZE.fullmatch(value)
    if match is None:
        problem = f"threshold={value}: say a number and a unit (B, KiB, MiB), as in 192KiB"
        raise ConfigurationError(setting=setting, problem=problem)
    return int(match[1]) * _UNITS[match[2]]
