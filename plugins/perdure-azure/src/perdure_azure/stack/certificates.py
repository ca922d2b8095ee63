"""A certificate for the stand-in, by an authority made for it alone.

The authority's key is never written, so nothing else can be signed with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from perdure.clock import SystemClock, from_us
from perdure.stack import LOOPBACK

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_LIFE: Final = timedelta(days=365)
_RENEWAL: Final = timedelta(days=30)
_SKEW: Final = timedelta(minutes=5)
_AUTHORITY: Final = "perdure local stand-in authority"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """The files.

    Attributes:
        authority: What clients must trust.
        certificate: What the stand-in shows them.
        key: Its key.
    """

    authority: Path
    certificate: Path
    key: Path


def make_certificates(folder: Path) -> Certificates:
    """Return the certificates in ``folder``, made if there are none that last for a month.

    Raises:
        OSError: They cannot be written.
    """
    paths = Certificates(
        authority=folder / "authority.pem",
        certificate=folder / "server.pem",
        key=folder / "server.key",
    )
    now = from_us(SystemClock().now_us())
    if not _is_good(paths, now):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write(paths, now)
    return paths


def _is_good(paths: Certificates, now: datetime) -> bool:
    from cryptography import x509

    files = (paths.authority, paths.certificate, paths.key)
    if not all(path.exists() for path in files):
        return False
    certificate = x509.load_pem_x509_certificate(paths.certificate.read_bytes())
    return certificate.not_valid_after_utc - now > _RENEWAL


def _write(paths: Certificates, now: datetime) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    signer, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _signed(_AUTHORITY, signer, signer, now, is_authority=True)
    names = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ip_address(LOOPBACK))]
    )
    certificate = _signed("localhost", key, signer, now, names=names)
    paths.key.touch(mode=0o600)
    paths.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    paths.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
    paths.authority.write_bytes(authority.public_bytes(Encoding.PEM))


def _signed(
    name: str,
    key: EllipticCurvePrivateKey,
    signer: EllipticCurvePrivateKey,
    now: datetime,
    *,
    is_authority: bool = False,
    names: x509.SubjectAlternativeName | None = None,
) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509.oid import NameOID

    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(_AUTHORITY))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _LIFE)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    for extension, is_critical in _extensions(key, signer, is_authority=is_authority):
        builder = builder.add_extension(extension, critical=is_critical)
    if names is not None:
        builder = builder.add_extension(names, critical=False)
    return builder.sign(signer, SHA256())


def _extensions(
    key: EllipticCurvePrivateKey, signer: EllipticCurvePrivateKey, *, is_authority: bool
) -> list[tuple[x509.ExtensionType, bool]]:
    """Return what Python 3.13 asks for (``VERIFY_X509_STRICT``), and whether it is critical."""
    from cryptography import x509

    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    subject = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return [(usage, True), (subject, False), (issuer, False)]
