"""Signed tokens (JSON Web Tokens, RS256), as Entra and a Kubernetes cluster issue them."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from perdure.clock import SystemClock

if TYPE_CHECKING:
    from pathlib import Path

AUDIENCE: Final = "https://durabletask.io"
CONTRIBUTOR: Final = "Durable Task Data Contributor"
WORKER: Final = "Durable Task Worker"
READER: Final = "Durable Task Data Reader"


class Signer:
    """One who signs tokens, with a key of its own."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._key_id = hashlib.sha256(self.public_key).hexdigest()[:16]

    @property
    def public_key(self) -> bytes:
        """What its signatures are checked with, as PEM."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def write_public_key(self, path: Path) -> Path:
        """Write the public key to ``path``, and return it."""
        path.write_bytes(self.public_key)
        return path

    def token(
        self,
        *,
        audience: str = AUDIENCE,
        life_seconds: int = 3600,
        begins_in_seconds: int = 0,
        roles: tuple[str, ...] = (CONTRIBUTOR,),
        hubs: tuple[str, ...] = (),
        **claims: Any,
    ) -> str:
        """Return a token for ``audience``, good from now, or later, for ``life_seconds``.

        A negative life makes one that has ended. ``hubs`` is read by the stand-in alone.
        """
        now = now_seconds()
        content = {
            "iss": self.issuer,
            "uti": secrets.token_urlsafe(16),  # so that no two are the same
            "aud": audience,
            "iat": now,
            "nbf": now + begins_in_seconds,
            "exp": now + begins_in_seconds + life_seconds,
            **({"roles": list(roles)} if roles else {}),
            **({"hubs": list(hubs)} if hubs else {}),
            **claims,
        }
        return self.signed(content)

    def signed(self, claims: dict[str, Any]) -> str:
        """Return a token with just these claims."""
        header = {"typ": "JWT", "alg": "RS256", "kid": self._key_id}
        text = f"{_encoded(_json(header))}.{_encoded(_json(claims))}"
        signature = self._key.sign(text.encode(), padding.PKCS1v15(), SHA256())
        return f"{text}.{_encoded(signature)}"

    def has_signed(self, token: str) -> bool:
        """Return whether ``token`` is one of its own, whole, and within its time."""
        text, _, signature = token.strip().rpartition(".")
        try:
            self._key.public_key().verify(
                _decoded(signature), text.encode(), padding.PKCS1v15(), SHA256()
            )
        except (InvalidSignature, ValueError):
            return False
        claims = claims_of(token)
        return bool(claims["nbf"] <= now_seconds() < claims["exp"])


def claims_of(token: str) -> dict[str, Any]:
    """Return what a token says, unchecked."""
    claims: dict[str, Any] = json.loads(_decoded(token.split(".")[1]))
    return claims


def now_seconds() -> int:
    """Return the time as tokens count it."""
    return SystemClock().now_us() // 1_000_000


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
