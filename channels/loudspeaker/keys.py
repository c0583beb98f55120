"""The signing key's file, and public keys as terminals are given them."""

import base64
import binascii
import contextlib
import os
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from alertd.errors import NotConfiguredError
from channels.loudspeaker.commands import SigningKey, key_id


def make_key(path: Path) -> SigningKey:
    """The key in `path`; made there (PEM, PKCS #8, 0600) where there is none yet.

    Raises:
        NotConfiguredError: The file is there and holds no Ed25519 key, or can't be read or made.
    """
    if not path.exists():
        pem = Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Whoever else makes one at the same time: the first stays, both read that one.
            with contextlib.suppress(FileExistsError):
                _create(path, pem)
        except OSError as error:
            raise NotConfiguredError(
                f"The loudspeakers' signing key can't be written: {error.strerror}."
            ) from None
    return load_key(path)


def load_key(path: Path) -> SigningKey:
    """The key in `path`.

    Raises:
        NotConfiguredError: There is none that can be read.
    """
    try:
        private = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise NotConfiguredError(
            f"The loudspeakers' signing key can't be read: {error.strerror}."
        ) from None
    except (ValueError, TypeError):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise NotConfiguredError("The loudspeakers' signing key isn't an Ed25519 key in PEM.")
    return SigningKey(private)


def public_text(key: SigningKey) -> str:
    """The public half as terminals are given it: base64 of its 32 bytes."""
    return base64.b64encode(key.public).decode("ascii")


def read_public(text: str) -> tuple[str, bytes]:
    """What `public_text` wrote, as (key id, 32 bytes).

    Raises:
        ValueError: It isn't such a text.
    """
    try:
        raw = base64.b64decode(text.strip(), validate=True)
        Ed25519PublicKey.from_public_bytes(raw)
    except (binascii.Error, ValueError):
        raise ValueError("not an Ed25519 public key in base64") from None
    return key_id(raw), raw


def _create(path: Path, pem: bytes) -> None:
    """Write a file that nobody else may read, whole or not at all, and never over another."""
    descriptor, name = tempfile.mkstemp(prefix=path.name, suffix=".new", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)
    finally:
        Path(name).unlink()
