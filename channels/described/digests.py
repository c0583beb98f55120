"""The named digests that a description may use, for requests and for hooks alike."""

import base64
import hashlib
import hmac
from typing import Literal

DigestName = Literal[
    "plain",
    "md5-hex",
    "md5-hex-upper",
    "sha1-hex",
    "sha256-hex",
    "hmac-md5-hex",
    "hmac-sha1-hex",
    "hmac-sha1-base64",
    "hmac-sha256-hex",
    "hmac-sha256-base64",
]


def digest(name: DigestName, secret: str, data: bytes) -> str:
    """`data` under the digest called `name`; `secret` is used by the HMACs alone.

    MD5 and SHA-1 are here because gateways ask for them; they prove no more than these can.
    """
    kind, _, rest = name.partition("-")
    if kind == "plain":
        return data.decode("utf-8", "surrogateescape")
    if kind == "hmac":
        algorithm, _, form = rest.partition("-")
        raw = hmac.digest(secret.encode(), data, algorithm)
    else:
        form = rest
        raw = hashlib.new(kind, data, usedforsecurity=False).digest()
    if form == "base64":
        return base64.b64encode(raw).decode()
    return raw.hex().upper() if form == "hex-upper" else raw.hex()


def same(name: DigestName, expected: str, given: str) -> bool:
    """Whether they are equal, compared in constant time; hexadecimal in either case."""
    if "-hex" in name:
        expected, given = expected.lower(), given.lower()
    return hmac.compare_digest(_bytes(expected), _bytes(given))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
