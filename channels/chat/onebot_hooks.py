"""Reading what a OneBot 11 implementation posts to us: what people say in QQ. Pure.

Options: `post_secret`, its signing secret; `listen = "all"` to read everything that is said in the
account's groups, in place of what mentions the account and what is told to it alone. The URL to
give there is the hook `events`. QQ tells no phone numbers: the sender is `qq:NUMBER`, which an
operator sees as unknown.

A replayed call carries the same message id and is counted once.
"""

import hashlib
import hmac
import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from channels import options
from channels.base import Event, Hook, HookAnswer, HookRefusedError, HookRequest, Reply, RouteConfig
from channels.hook_reading import bound, message_text, read_json, whole

HOOK_OPTIONS = frozenset({"post_secret", "listen"})
EVENTS = "events"
_MAX_BODY_BYTES = 64 * 1024
_TAKEN = HookAnswer(body=b"{}", content_type="application/json")  # no "quick operation"
_CODE = re.compile(r"\[CQ:[^\]]*\]")
_AT = re.compile(r"\[CQ:at,qq=(\d+)")
_LATEST_S = 4_102_444_800


def configured_hook(config: RouteConfig) -> Hook | None:
    """The hook, or None where it isn't configured.

    Raises:
        NotConfiguredError: An option is wrong.
    """
    secret = options.optional_text(config, "post_secret")
    listen = options.text(config, "listen", "mentions")
    if listen not in {"mentions", "all"}:
        raise options.wrong(config, "listen", 'must be "mentions" or "all"')
    if secret is None:
        return None
    reader = Reader(secret, everything=listen == "all")
    return Hook(EVENTS, reader.read, max_body_bytes=_MAX_BODY_BYTES)


class Reader:
    """Reads one account's events.

    Args:
        secret: Signs.
        everything: Whether what is said in a group counts without a mention of the account.
    """

    def __init__(self, secret: str, *, everything: bool) -> None:
        self._secret = secret.encode()
        self._everything = everything

    def read(self, request: HookRequest) -> tuple[Sequence[Event], HookAnswer]:
        """`Hook.read`."""
        bound(request, _MAX_BODY_BYTES)
        given = request.headers.get("x-signature", "").encode("utf-8", "replace")
        right = f"sha1={hmac.new(self._secret, request.body, hashlib.sha1).hexdigest()}"
        if not hmac.compare_digest(given, right.encode()):
            raise HookRefusedError(403, "bad-signature")
        event = read_json(request.body)
        if not isinstance(event, dict):
            raise HookRefusedError(400, "malformed-message")
        if event.get("post_type") != "message":
            return (), _TAKEN  # heartbeats, notices
        reply = self._reply(event)
        return ((reply,) if reply else ()), _TAKEN

    def _reply(self, event: Mapping[str, Any]) -> Reply | None:
        account = whole(event.get("self_id"))
        user = whole(event.get("user_id"), least=1)
        message = whole(event.get("message_id"), least=-(2**31))  # some number by 32-bit hashes
        if account is None or user is None or message is None:
            raise HookRefusedError(400, "malformed-message")
        text, mentioned = _said(event.get("message"), account)
        if text is None:
            raise HookRefusedError(400, "malformed-message")
        to_us = mentioned or self._everything or event.get("message_type") == "private"
        if not to_us or not text:
            return None
        at = whole(event.get("time"), most=_LATEST_S)
        return Reply(
            # Implementations number from 1 again after a fresh start: the time keeps them apart.
            gateway_id=f"{account}-{message}-{at or 0}",
            sender=f"qq:{user}",
            text=text,
            occurred_at=None if at is None else at * 1000,
        )


def _said(message: Any, account: int) -> tuple[str | None, bool]:
    """A message's plain text, and whether it mentions `account`; as segments or with CQ codes."""
    if isinstance(message, str):
        plain = html.unescape(_CODE.sub("", message))
        return _stripped(plain), str(account) in _AT.findall(message)
    if not isinstance(message, list):
        return None, False
    words: list[str] = []
    mentioned = False
    for segment in message:
        kind = segment.get("type") if isinstance(segment, dict) else None
        data = segment.get("data") if isinstance(segment, dict) else None
        if not isinstance(data, dict):
            continue
        if kind == "text" and isinstance(data.get("text"), str):
            words.append(data["text"])
        mentioned = mentioned or (kind == "at" and str(data.get("qq")) == str(account))
    return _stripped("".join(words)), mentioned


def _stripped(text: str) -> str | None:
    sound = message_text(text)
    return None if sound is None else sound.strip()
