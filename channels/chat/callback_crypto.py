"""The envelope of WeCom's and DingTalk's callbacks: signed with SHA-1, sealed with AES-256-CBC.

Both platforms have it from the same hand: the signature is over the sorted token, timestamp, nonce
and sealed text; sealed is 16 random bytes, the length, the text and its receiver's id, padded to
32. From https://developer.work.weixin.qq.com/document/path/90968.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from channels import options
from channels.base import HookRefusedError, HookRequest, RouteConfig

_KEY_CHARACTERS = 43  # of base64, of 32 bytes
_RANDOM_BYTES = 16
_LENGTH_BYTES = 4
_PADDED_TO_BITS = 256
_MAX_FIELDS = 20


class CallbackCrypto:
    """One application's token and key.

    Args:
        token: Signs.
        key: 43 characters of base64, seals.
        receiver: Whose callbacks these are: a company's or an application's id.

    Raises:
        ValueError: The key isn't one.
    """

    def __init__(self, token: str, key: str, receiver: str) -> None:
        if len(key) != _KEY_CHARACTERS:
            raise ValueError("not a key of 43 characters")
        self._key = base64.b64decode(key + "=", validate=True)
        self._token = token
        self._receiver = receiver.encode()

    def open(self, query: Mapping[str, str], sealed: str) -> bytes:
        """Check the signature in `query`, and give the text within `sealed`.

        Raises:
            HookRefusedError: 403 where the signature is wrong, 400 where the text isn't for us.
        """
        given = query.get("msg_signature") or query.get("signature", "")
        right = self._signature(query.get("timestamp", ""), query.get("nonce", ""), sealed)
        if not hmac.compare_digest(given.encode("utf-8", "replace"), right.encode()):
            raise HookRefusedError(403, "bad-signature")
        return self._unseal(sealed)

    def seal(self, text: bytes, timestamp: str, nonce: str) -> tuple[str, str]:
        """An answer, sealed, and its signature."""
        clear = secrets.token_bytes(_RANDOM_BYTES) + len(text).to_bytes(_LENGTH_BYTES, "big")
        padder = PKCS7(_PADDED_TO_BITS).padder()
        padded = padder.update(clear + text + self._receiver) + padder.finalize()
        encryptor = self._cipher().encryptor()
        sealed = base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()
        return sealed, self._signature(timestamp, nonce, sealed)

    def _signature(self, timestamp: str, nonce: str, sealed: str) -> str:
        text = "".join(sorted([self._token, timestamp, nonce, sealed]))
        return hashlib.sha1(text.encode("utf-8", "replace")).hexdigest()  # noqa: S324 - theirs

    def _unseal(self, sealed: str) -> bytes:
        try:
            decryptor = self._cipher().decryptor()
            secret = base64.b64decode(sealed, validate=True)
            padded = decryptor.update(secret) + decryptor.finalize()
            unpadder = PKCS7(_PADDED_TO_BITS).unpadder()
            clear = (unpadder.update(padded) + unpadder.finalize())[_RANDOM_BYTES:]
        except (ValueError, binascii.Error) as error:
            raise HookRefusedError(400, "malformed-envelope") from error
        length = int.from_bytes(clear[:_LENGTH_BYTES], "big")
        text = clear[_LENGTH_BYTES : _LENGTH_BYTES + length]
        receiver = clear[_LENGTH_BYTES + length :]
        if len(text) != length or not hmac.compare_digest(receiver, self._receiver):
            raise HookRefusedError(400, "not-ours")
        return text

    def _cipher(self) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES256(self._key), modes.CBC(self._key[:_RANDOM_BYTES]))


def configured(config: RouteConfig, receiver_option: str) -> CallbackCrypto | None:
    """What `callback_token`, `callback_key` and the receiver's option say; None without them.

    Raises:
        NotConfiguredError: Only some of them are set, or the key isn't one.
    """
    names = ("callback_token", "callback_key", receiver_option)
    if not any(config.options.get(name) is not None for name in names):
        return None
    token, key, receiver = (options.text(config, name) for name in names)
    try:
        return CallbackCrypto(token, key, receiver)
    except ValueError:
        raise options.wrong(config, "callback_key", "must have 43 characters of base64") from None


def query_of(request: HookRequest) -> dict[str, str]:
    """The fields of a request's query, the first of each name.

    Raises:
        HookRefusedError: 400, they can't be read.
    """
    try:
        query = urlsplit(request.target).query
        pairs = parse_qsl(
            query, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS
        )
    except ValueError as error:
        raise HookRefusedError(400, "malformed-target") from error
    return dict(reversed(pairs))
