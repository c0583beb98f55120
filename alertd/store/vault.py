"""Addresses and raw replies: the one place that has the keys.

A phone number or webhook URL is kept as AES-256-GCM ciphertext, a keyed blind index (HMAC-SHA-256)
to find it by, and its last two digits to recognise it by.
"""

import hashlib
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from alertd.keyed import Keyed
from alertd.store.backup import disk
from alertd.store.links import Links

KEY_BYTES = 32
_NONCE_BYTES = 12


class Vault:
    """Encrypts and finds what must not be read from the database alone.

    Args:
        key: 32 bytes of key material. Without it the addresses are lost.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(_derive(key, b"alertd address encryption"))
        self._blind = Keyed(_derive(key, b"alertd blind index"))
        self._nonce = Keyed(_derive(key, b"alertd nonce"))
        self.links = Links(_derive(key, b"alertd answer links"))

    def seal(self, text: str, *, context: str) -> bytes:
        """Encrypt; `context` says what kind of thing it is and is needed to open it.

        The nonce is a keyed hash of what is sealed: equal texts give equal ciphertexts, which
        the blind index shows anyway, and no random source is needed.
        """
        return self.seal_bytes(text.encode("utf-8", "surrogatepass"), context=context)

    def seal_bytes(self, data: bytes, *, context: str) -> bytes:
        """The same of bytes."""
        nonce = self._nonce.digest(context.encode() + b"\0" + data)[:_NONCE_BYTES]
        return nonce + self._cipher.encrypt(nonce, data, context.encode())

    def open(self, sealed: bytes, *, context: str) -> str:
        """Decrypt what `seal` made."""
        return self.open_bytes(sealed, context=context).decode("utf-8", "surrogatepass")

    def open_bytes(self, sealed: bytes, *, context: str) -> bytes:
        """Decrypt what `seal_bytes` made."""
        nonce, data = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        return self._cipher.decrypt(nonce, data, context.encode())

    def blind(self, text: str) -> bytes:
        """The keyed hash by which an address is found; 32 bytes."""
        return self._blind.digest(text.encode("utf-8", "surrogatepass"))


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(key)


def tail(address: str) -> str:
    """The last two digits of a phone number; nothing of anything else."""
    return address[-2:] if address.lstrip("+").isdigit() else ""


def load_key(path: Path, fresh: bytes) -> bytes:
    """Read the key file; the first time, write `fresh` to it, readable by its owner only.

    It is on disk before anything can be sealed with it.
    """
    if not path.exists():
        disk.make(path, fresh)
    return path.read_bytes()


def fingerprint(path: Path) -> str:
    """By which a key file is known again: a hash that says nothing of what is in it."""
    return _derive(path.read_bytes(), b"alertd key fingerprint")[:8].hex()


def short_hash(text: str) -> str:
    """Hex SHA-256 of a text that is no secret."""
    return hashlib.sha256(text.encode()).hexdigest()
