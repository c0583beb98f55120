"""A certificate of the moment, for a server whose own can't be used.

Nobody trusts it but commands on this machine; a browser asks whether to go on. Its key is in no
file, and is gone with the process: where a full disk cut the own one off, there is room for none.
"""

import os
import ssl
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_NAME: Final = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "alertd, for want of its own")])
_SINCE, _UNTIL = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)  # by any clock


def spare() -> tuple[ssl.SSLContext, str]:
    """A server's context with a fresh certificate of its own, and that as PEM."""
    key = generate_private_key(SECP256R1())
    made = (
        x509.CertificateBuilder(_NAME, _NAME, key.public_key(), x509.random_serial_number())
        .not_valid_before(_SINCE)
        .not_valid_after(_UNTIL)
        .sign(key, SHA256())
    )
    text = made.public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with os.fdopen(os.memfd_create("certificate"), "wb", buffering=0) as memory:
        memory.write(secret + text)
        context.load_cert_chain(f"/proc/self/fd/{memory.fileno()}")
    return context, text.decode("ascii")
