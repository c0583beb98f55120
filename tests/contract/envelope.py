"""WeCom's and DingTalk's callback envelope, from their documentation; no code of ours."""

import base64
import hashlib
from urllib.parse import urlencode

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

# WeCom's own example: its token, key and company, so that its calls can be tried on us as well.
TOKEN = "QDG6eK"
KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
RECEIVER = "wx5823bf96d3bd56c7"


def _cipher() -> Cipher[modes.CBC]:
    key = base64.b64decode(KEY + "=")
    return Cipher(algorithms.AES(key), modes.CBC(key[:16]))


def seal(text: bytes, receiver: str = RECEIVER) -> str:
    clear = b"0123456789abcdef" + len(text).to_bytes(4, "big") + text + receiver.encode()
    padding = 32 - len(clear) % 32
    clear += bytes([padding]) * padding
    encryptor = _cipher().encryptor()
    return base64.b64encode(encryptor.update(clear) + encryptor.finalize()).decode()


def unseal(sealed: str) -> bytes:
    decryptor = _cipher().decryptor()
    padded = decryptor.update(base64.b64decode(sealed)) + decryptor.finalize()
    clear = padded[: -padded[-1]]
    length = int.from_bytes(clear[16:20], "big")
    assert clear[20 + length :] == RECEIVER.encode()
    return clear[20 : 20 + length]


def signature(sealed: str, timestamp: str, nonce: str) -> str:
    text = "".join(sorted([TOKEN, timestamp, nonce, sealed]))
    return hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 - WeCom's choice


def query(sealed: str, **more: str) -> str:
    timestamp, nonce = "1409659813", "1372623149"
    fields = {
        "msg_signature": signature(sealed, timestamp, nonce),
        "timestamp": timestamp,
        "nonce": nonce,
    }
    return urlencode({**fields, **more})
