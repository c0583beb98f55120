"""Reading what a Feishu application posts to us: messages to its bot, and cards' buttons. Pure.

Options: `verification_token`, and `encrypt_key` where the application has one (it should: only
then a call is signed). The URL to give there is the hook `events`. Feishu tells the user by ids
and by no number: the sender is `feishu:ID`, which an operator sees as unknown.

A replayed call carries the same event id and is counted once. From
https://open.feishu.cn/document/server-docs/event-subscription-guide.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from channels import options
from channels.base import Event, Hook, HookAnswer, HookRefusedError, HookRequest, Reply, RouteConfig
from channels.hook_reading import bound, digits, message_text, read_json, word

HOOK_OPTIONS = frozenset({"verification_token", "encrypt_key"})
EVENTS = "events"
_MAX_BODY_BYTES = 64 * 1024
_BLOCK_BITS = 128
_BLOCK_BYTES = 16
_JSON = "application/json"
_TAKEN = HookAnswer(body=b"{}", content_type=_JSON)
_MENTION = re.compile(r"@_user_\d+\s*|@_all\s*")  # placeholders: of us, as a rule


def configured_hook(config: RouteConfig) -> Hook | None:
    """The application's events, or None where they aren't configured.

    Raises:
        NotConfiguredError: There is a key without a token.
    """
    key = options.optional_text(config, "encrypt_key")
    if key is None and config.options.get("verification_token") is None:
        return None
    reader = Reader(options.text(config, "verification_token"), key)
    return Hook(EVENTS, reader.read, max_body_bytes=_MAX_BODY_BYTES)


class Reader:
    """Reads one application's events.

    Args:
        token: Stands in every event, and is all that proves it where there is no key.
        key: Seals and signs.
    """

    def __init__(self, token: str, key: str | None) -> None:
        self._token = token
        self._key = key

    def read(self, request: HookRequest) -> tuple[Sequence[Event], HookAnswer]:
        """`Hook.read`."""
        bound(request, _MAX_BODY_BYTES)
        signed = self._is_signed(request)
        try:
            event = self._opened(request)
        except HookRefusedError:
            if signed:
                raise
            # From how an envelope is wrong, whoever has one could read it byte by byte.
            raise _unsigned() from None
        if event.get("type") == "url_verification":  # which alone comes without a signature
            self._verify_token(event.get("token"))
            return (), _challenge(event.get("challenge"))
        if not signed:
            raise _unsigned()
        header = event.get("header")
        if not isinstance(header, dict):
            raise HookRefusedError(400, "malformed-message")
        self._verify_token(header.get("token"))
        reply = _reply(header, event.get("event"))
        return ((reply,) if reply else ()), _TAKEN

    def _opened(self, request: HookRequest) -> Mapping[str, Any]:
        value = read_json(request.body)
        if isinstance(value, dict) and self._key is not None:
            sealed = value.get("encrypt")
            if not isinstance(sealed, str):
                raise HookRefusedError(400, "malformed-envelope")
            value = read_json(_unsealed(self._key, sealed))
        if not isinstance(value, dict):
            raise HookRefusedError(400, "malformed-message")
        return value

    def _is_signed(self, request: HookRequest) -> bool:
        """Whether the application's key signed it; without a key there is nothing to sign with."""
        if self._key is None:
            return True
        names = ("x-lark-request-timestamp", "x-lark-request-nonce")
        stamp, nonce = (request.headers.get(name, "") for name in names)
        signed = f"{stamp}{nonce}{self._key}".encode("utf-8", "replace") + request.body
        given = request.headers.get("x-lark-signature", "").encode("utf-8", "replace")
        return hmac.compare_digest(given, hashlib.sha256(signed).hexdigest().encode())

    def _verify_token(self, given: Any) -> None:
        text = given if isinstance(given, str) else ""
        ours = self._token.encode()
        if not hmac.compare_digest(text.encode("utf-8", "replace"), ours):
            raise HookRefusedError(403, "bad-token")


def _unsigned() -> HookRefusedError:
    return HookRefusedError(403, "bad-signature")


def _challenge(given: Any) -> HookAnswer:
    challenge = word(given)
    if challenge is None:
        raise HookRefusedError(400, "malformed-message")
    return HookAnswer(body=json.dumps({"challenge": challenge}).encode(), content_type=_JSON)


def _reply(header: Mapping[str, Any], event: Any) -> Reply | None:
    if not isinstance(event, dict):
        raise HookRefusedError(400, "malformed-message")
    match header.get("event_type"):
        case "im.message.receive_v1":
            user = _within(event, "sender", "sender_id")
            text = _said(_within(event, "message"))
        case "card.action.trigger":
            user = _within(event, "operator")
            text = _pressed(_within(event, "action").get("value"))
        case _:
            return None
    if not text:
        return None  # a picture, a form: nothing to answer an alert with
    own_id = word(header.get("event_id"))
    person = word(user.get("user_id")) or word(user.get("open_id"))
    if own_id is None or person is None:
        raise HookRefusedError(400, "malformed-message")
    created = header.get("create_time")
    occurred_at = digits(created, most=4_102_444_800_000) if isinstance(created, str) else None
    return Reply(gateway_id=own_id, sender=f"feishu:{person}", text=text, occurred_at=occurred_at)


def _said(message: Mapping[str, Any]) -> str | None:
    """A text message's text; its content is JSON within JSON."""
    content = message.get("content")
    if message.get("message_type") != "text" or not isinstance(content, str):
        return None
    inner = read_json(content.encode("utf-8", "replace"))
    text = message_text(inner.get("text") if isinstance(inner, dict) else None)
    return None if text is None else _MENTION.sub("", text).strip()


def _pressed(value: Any) -> str | None:
    """What a button stands for: its value, or the value's field `reply`."""
    return message_text(value.get("reply") if isinstance(value, dict) else value)


def _within(value: Any, *names: str) -> Mapping[str, Any]:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _unsealed(key: str, sealed: str) -> bytes:
    try:
        data = base64.b64decode(sealed, validate=True)
        cipher = Cipher(
            algorithms.AES256(hashlib.sha256(key.encode()).digest()),
            modes.CBC(data[:_BLOCK_BYTES]),
        )
        decryptor = cipher.decryptor()
        padded = decryptor.update(data[_BLOCK_BYTES:]) + decryptor.finalize()
        unpadder = PKCS7(_BLOCK_BITS).unpadder()
        return unpadder.update(padded) + unpadder.finalize()
    except (ValueError, binascii.Error) as error:
        raise HookRefusedError(400, "malformed-envelope") from error
