"""Reading what DingTalk posts to us. Pure.

Two hooks, each mounted where its options are set:

- `robot`, with `app_secret`: what people tell an application's robot, in a group (by @) or alone.
  Its header `sign` is over the time alone, so a call is believed for an hour, and the URL must be
  https: whoever reads one call could forge others.
- `events`, with `callback_token`, `callback_key` and `app_key`: the application's events. DingTalk
  wants a sealed "success" for each; none of them is an answer of a person.

DingTalk tells the user by an id and by no number: the sender is `dingtalk:ID`, which an operator
sees as unknown, unless `userid_is_mobile = true` says that this organisation's ids are its
people's mobile numbers.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Sequence

from channels import options
from channels.base import Event, Hook, HookAnswer, HookRefusedError, HookRequest, Reply, RouteConfig
from channels.chat.callback_crypto import CallbackCrypto, configured, query_of
from channels.hook_reading import bound, digits, message_text, moment, read_json, word

HOOK_OPTIONS = frozenset(
    {"app_secret", "callback_token", "callback_key", "app_key", "userid_is_mobile"}
)
ROBOT = "robot"
EVENTS = "events"
_MAX_BODY_BYTES = 64 * 1024
_BELIEVED_MS = 3_600_000
_JSON = "application/json"
_NOTHING_TO_SAY = HookAnswer(body=b'{"msgtype":"empty"}', content_type=_JSON)
_MOBILE = re.compile(r"1[3-9]\d{9}", re.ASCII)


def configured_hooks(config: RouteConfig, now: Callable[[], int]) -> Sequence[Hook]:
    """The hooks whose options are set.

    Args:
        config: The route's.
        now: DingTalk's time, ms since the epoch.

    Raises:
        NotConfiguredError: One is configured in part, or wrongly.
    """
    hooks = []
    mobiles = options.flag(config, "userid_is_mobile")
    secret = options.optional_text(config, "app_secret")
    if secret is not None:
        robot = RobotReader(secret, now, userid_is_mobile=mobiles)
        hooks.append(Hook(ROBOT, robot.read, max_body_bytes=_MAX_BODY_BYTES))
    crypto = configured(config, "app_key")
    if crypto is not None:
        hooks.append(Hook(EVENTS, EventReader(crypto).read, max_body_bytes=_MAX_BODY_BYTES))
    return tuple(hooks)


class RobotReader:
    """Reads what people tell the robot.

    Args:
        app_secret: Signs.
        now: DingTalk's time, ms since the epoch.
        userid_is_mobile: Whether a user's id is that person's mobile number.
    """

    def __init__(self, app_secret: str, now: Callable[[], int], *, userid_is_mobile: bool) -> None:
        self._secret = app_secret
        self._now = now
        self._userid_is_mobile = userid_is_mobile

    def read(self, request: HookRequest) -> tuple[Sequence[Event], HookAnswer]:
        """`Hook.read`."""
        bound(request, _MAX_BODY_BYTES)
        self._verify(request)
        message = read_json(request.body)
        if not isinstance(message, dict):
            raise HookRefusedError(400, "malformed-message")
        if message.get("msgtype") != "text":
            return (), _NOTHING_TO_SAY
        said = message.get("text")
        text = message_text(said.get("content") if isinstance(said, dict) else None)
        message_id = word(message.get("msgId"))
        user = word(message.get("senderStaffId"), longest=64) or word(message.get("senderId"))
        if text is None or message_id is None or user is None:
            raise HookRefusedError(400, "malformed-message")
        if not text.strip():
            return (), _NOTHING_TO_SAY  # nothing but the mention
        reply = Reply(
            gateway_id=message_id,
            sender=self._sender(user),
            text=text.strip(),
            occurred_at=moment(message.get("createAt")),
        )
        return (reply,), _NOTHING_TO_SAY

    def _verify(self, request: HookRequest) -> None:
        given = request.headers.get("sign", "")
        stamp = request.headers.get("timestamp", "")
        signed = f"{stamp}\n{self._secret}".encode("utf-8", "replace")
        digest = hmac.new(self._secret.encode(), signed, hashlib.sha256).digest()
        if not hmac.compare_digest(given.encode("utf-8", "replace"), base64.b64encode(digest)):
            raise HookRefusedError(403, "bad-signature")
        at = digits(stamp)
        if at is None or abs(self._now() - at) > _BELIEVED_MS:
            raise HookRefusedError(403, "stale")

    def _sender(self, user: str) -> str:
        if self._userid_is_mobile and _MOBILE.fullmatch(user):
            return f"+86{user}"
        return f"dingtalk:{user}"


class EventReader:
    """Confirms the application's events; without that DingTalk takes the URL for dead."""

    def __init__(self, crypto: CallbackCrypto) -> None:
        self._crypto = crypto

    def read(self, request: HookRequest) -> tuple[Sequence[Event], HookAnswer]:
        """`Hook.read`."""
        bound(request, _MAX_BODY_BYTES)
        query = query_of(request)
        envelope = read_json(request.body)
        sealed = envelope.get("encrypt") if isinstance(envelope, dict) else None
        if not isinstance(sealed, str):
            raise HookRefusedError(400, "malformed-envelope")
        event = read_json(self._crypto.open(query, sealed))
        if not isinstance(event, dict):
            raise HookRefusedError(400, "malformed-message")
        return (), self._success(query.get("timestamp", ""), query.get("nonce", ""))

    def _success(self, timestamp: str, nonce: str) -> HookAnswer:
        sealed, signature = self._crypto.seal(b"success", timestamp, nonce)
        fields = {
            "msg_signature": signature,
            "timeStamp": timestamp,
            "nonce": nonce,
            "encrypt": sealed,
        }
        return HookAnswer(body=json.dumps(fields).encode(), content_type=_JSON)
