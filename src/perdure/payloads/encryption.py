"""Encryption: AES-GCM under keys that have ids, so that they can be changed one after the other.

The first key encrypts; all of them decrypt. What is encrypted says under which key, and neither can
be altered without being noticed.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from perdure.errors import ConfigurationError, PluginError

if TYPE_CHECKING:
    from collections.abc import Sequence

KEYS_VARIABLE = "PERDURE_PAYLOAD_KEYS"

_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
_KEY_SIZES = (16, 24, 32)
_NONCE_BYTES = 12
_TAG_BYTES = 16
_FORM = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key, and the id by which stored payloads refer to it."""

    id: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not _KEY_ID.fullmatch(self.id):
            problem = f"invalid key id {self.id!r}: use 1 to 32 of letters, digits, '_' and '-'"
            raise ConfigurationError(setting="payload keys", problem=problem)
        if len(self.secret) not in _KEY_SIZES:
            problem = f"key {self.id!r} has {len(self.secret)} bytes; make one with {_RECIPE}"
            raise ConfigurationError(setting="payload keys", problem=problem)


_RECIPE = "python -c 'import os,base64; print(base64.b64encode(os.urandom(32)).decode())'"


def parse_keys(text: str, *, setting: str = KEYS_VARIABLE) -> tuple[Key, ...]:
    """Return the keys of ``id:base64,id:base64``, the one to encrypt with first.

    Raises:
        ConfigurationError: It is not of that form. The message shows no key.
    """
    keys = []
    for number, item in enumerate(filter(None, (part.strip() for part in text.split(","))), 1):
        id, colon, encoded = item.partition(":")
        try:
            secret = base64.b64decode(encoded.replace("-", "+").replace("_", "/"), validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if not colon or not secret:
            problem = f"entry {number} is not id:base64; make a key with {_RECIPE}"
            raise ConfigurationError(setting=setting, problem=problem)
        keys.append(Key(id=id, secret=secret))
    if len({key.id for key in keys}) < len(keys):
        raise ConfigurationError(setting=setting, problem="two keys have the same id")
    return tuple(keys)


class AesGcm:
    """The codec ``aes-gcm``."""

    name = "aes-gcm"

    def __init__(self, keys: Sequence[Key], *, is_repeatable: bool = False) -> None:
        """Encrypt under the first of ``keys``.

        Args:
            keys: The keys.
            is_repeatable: The same data give the same bytes, so that one can tell equal ones.

        Raises:
            ConfigurationError: There is none.
            PluginError: The distribution ``cryptography`` is not installed.
        """
        if not keys:
            problem = f"encryption needs a key; set {KEYS_VARIABLE}=id:base64, {_RECIPE}"
            raise ConfigurationError(setting="payloads", problem=problem)
        self._current = keys[0].id
        self._nonce_key = hashlib.sha256(b"perdure nonce" + keys[0].secret).digest()
        self._is_repeatable = is_repeatable
        self._ciphers = {key.id: _cipher(key.secret) for key in keys}

    def encode(self, data: bytes) -> bytes:
        """Encrypt under the current key."""
        id = self._current.encode("ascii")
        head = bytes((_FORM, len(id))) + id
        if self._is_repeatable:
            nonce = hmac.digest(self._nonce_key, data, "sha256")[:_NONCE_BYTES]
        else:
            nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed: bytes = self._ciphers[self._current].encrypt(nonce, data, head)
        return head + nonce + sealed

    def decode(self, data: bytes, *, limit: int) -> bytes:
        """Decrypt under the key that the data name."""
        id_end = 2 + (data[1] if len(data) > 1 else 0)
        if len(data) < id_end + _NONCE_BYTES + _TAG_BYTES or data[0] != _FORM:
            raise ValueError("these are no encrypted data; they were cut or altered")
        head, nonce = data[:id_end], data[id_end : id_end + _NONCE_BYTES]
        id = head[2:].decode("ascii", errors="replace")
        cipher = self._ciphers.get(id)
        if cipher is None:
            known = ", ".join(sorted(self._ciphers))
            raise ValueError(
                f"encrypted under key {id!r}, which is not among those given ({known}); "
                f"add it to {KEYS_VARIABLE}"
            )
        if len(data) - id_end - _NONCE_BYTES - _TAG_BYTES > limit:
            raise ValueError(f"it holds more than {limit:,} bytes")
        from cryptography.exceptions import InvalidTag

        try:
            plain: bytes = cipher.decrypt(nonce, data[id_end + _NONCE_BYTES :], head)
        except InvalidTag as err:
            raise ValueError(
                f"does not decrypt: it was altered, or the key given as {id!r} is not the one it "
                f"was encrypted with; check {KEYS_VARIABLE}"
            ) from err
        return plain


@functools.cache
def _cipher(secret: bytes) -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as err:
        problem = "needs the distribution cryptography; type: pip install 'perdure[encryption]'"
        raise PluginError(plugin="aes-gcm", problem=problem) from err
    return AESGCM(secret)
