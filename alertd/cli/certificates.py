"""Certificates for an office without internet: an authority of its own, and the server's.

Browsers that were given the authority's certificate once trust the server as they trust a bank's.
Keys are P-256, which every browser since 2012 knows. The server's lasts 825 days, the longest that
Apple's take from an authority of one's own; the authority's ten years.
"""

import re
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from alertd.errors import ConflictError, InvalidInputError
from alertd.whole import write_whole

AUTHORITY_DAYS: Final = 3_650
SERVER_DAYS: Final = 825
_HOST: Final = re.compile(r"(\*\.)?[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9-]+)*")
_EARLIER: Final = timedelta(days=1)  # a browser's clock may be behind


class Files(NamedTuple):
    """Where they are; keys are readable by their owner alone."""

    authority: Path
    authority_key: Path
    server: Path
    server_key: Path


def files_in(folder: Path) -> Files:
    """The usual names in a folder."""
    return Files(
        authority=folder / "authority.pem",
        authority_key=folder / "authority.key",
        server=folder / "server.pem",
        server_key=folder / "server.key",
    )


def make(folder: Path, names: list[str], *, office: str, now: datetime) -> Files:
    """Make the server's certificate, and the authority's where there is none yet.

    Args:
        folder: Where they are kept; made if need be.
        names: Host names and addresses under which browsers reach the server.
        office: The authority's name, as browsers show it.
        now: The time.

    Raises:
        InvalidInputError: A name can't be one.
        ConflictError: Half an authority is there.
    """
    alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
    files = files_in(folder)
    if files.authority.exists() != files.authority_key.exists():
        raise ConflictError(
            f"Half of the authority's files are in {folder}.",
            hint="Put the other one back from a backup, or remove both and begin anew.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    if not files.authority.exists():
        _make_authority(files, office, now)
    authority = x509.load_pem_x509_certificate(files.authority.read_bytes())
    signer = load_pem_private_key(files.authority_key.read_bytes(), password=None)
    assert isinstance(signer, EllipticCurvePrivateKey)  # noqa: S101 - we made it
    key = generate_private_key(SECP256R1())
    made = (
        _builder(_name(names[0]), authority.subject, key, now, SERVER_DAYS)
        .add_extension(alternatives, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
            critical=False,
        )
        .sign(signer, SHA256())
    )
    write_whole(files.server_key, _pem(key), mode=0o600)
    write_whole(files.server, made.public_bytes(Encoding.PEM))
    return files


def expires_at(certificate: Path) -> datetime:
    """Until when a certificate holds, UTC.

    Raises:
        InvalidInputError: The file isn't one.
    """
    try:
        return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        raise InvalidInputError(f"{certificate} is no certificate.", field="tls_cert") from None


def fingerprint(certificate: Path) -> str:
    """By which a person compares it: SHA-256, in pairs."""
    data = x509.load_pem_x509_certificate(certificate.read_bytes()).fingerprint(SHA256())
    return data.hex(":").upper()


def _alternative(name: str) -> x509.GeneralName:
    if (address := _address(name)) is not None:
        return x509.IPAddress(address)
    try:
        ascii_name = name.encode("idna").decode()
    except UnicodeError:
        ascii_name = ""
    if not _HOST.fullmatch(ascii_name):
        raise InvalidInputError(f"{name!r} is no host name or address.", field="names")
    return x509.DNSName(ascii_name)


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None


def _make_authority(files: Files, office: str, now: datetime) -> None:
    key = generate_private_key(SECP256R1())
    name = _name(office)
    made = (
        _builder(name, name, key, now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=True,
                crl_sign=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(key, SHA256())
    )
    write_whole(files.authority_key, _pem(key), mode=0o600)
    write_whole(files.authority, made.public_bytes(Encoding.PEM))


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: EllipticCurvePrivateKey,
    now: datetime,
    days: int,
) -> x509.CertificateBuilder:
    begins = now.astimezone(UTC) - _EARLIER
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _pem(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
