"""Reading what a WeCom application posts to us: texts, menu keys and cards' buttons. Pure.

Options: `callback_token`, `callback_key` (EncodingAESKey) and `corp_id`, as the application's
"receive messages" page has them; the URL to give there is the hook `events`. WeCom tells the user
by an id and by no number: the sender is `wecom:ID`, which an operator sees as unknown, unless
`userid_is_mobile = true` says that this company's ids are its people's mobile numbers.

A replayed call carries the same message id and is counted once.
"""

import re
from collections.abc import Sequence

from lxml import etree

from channels import options
from channels.base import Event, Hook, HookAnswer, HookRefusedError, HookRequest, Reply, RouteConfig
from channels.chat.callback_crypto import CallbackCrypto, configured, query_of
from channels.hook_reading import bound, digits, message_text, word

CALLBACK_OPTIONS = frozenset({"callback_token", "callback_key", "corp_id", "userid_is_mobile"})
EVENTS = "events"
_MAX_BODY_BYTES = 64 * 1024
_MOBILE = re.compile(r"1[3-9]\d{9}", re.ASCII)
_PRESSED = frozenset({"click", "template_card_event"})  # a menu's key, a card's button


def callback_hook(config: RouteConfig) -> Hook | None:
    """The application's callback, or None where it isn't configured.

    Raises:
        NotConfiguredError: It is configured in part, or wrongly.
    """
    crypto = configured(config, "corp_id")
    mobiles = options.flag(config, "userid_is_mobile")
    if crypto is None:
        return None
    reader = Reader(crypto, userid_is_mobile=mobiles)
    return Hook(EVENTS, reader.read, methods=("GET", "POST"), max_body_bytes=_MAX_BODY_BYTES)


class Reader:
    """Reads one application's callback.

    Args:
        crypto: Its token, key and company.
        userid_is_mobile: Whether a user's id is that person's mobile number.
    """

    def __init__(self, crypto: CallbackCrypto, *, userid_is_mobile: bool) -> None:
        self._crypto = crypto
        self._userid_is_mobile = userid_is_mobile

    def read(self, request: HookRequest) -> tuple[Sequence[Event], HookAnswer]:
        """A POST with a message, or the GET by which WeCom tries the URL; `Hook.read`."""
        bound(request, _MAX_BODY_BYTES)
        query = query_of(request)
        if request.method == "GET":
            return (), HookAnswer(body=self._crypto.open(query, query.get("echostr", "")))
        sealed = _xml(request.body).findtext("Encrypt")
        message = _xml(self._crypto.open(query, sealed or ""))
        reply = self._reply(message)
        return ((reply,) if reply else ()), HookAnswer()  # an empty answer: nothing to say back

    def _reply(self, message: "etree._Element") -> Reply | None:
        user = word(message.findtext("FromUserName"), longest=64)
        created = digits(message.findtext("CreateTime"), most=4_102_444_800)
        kind, event = message.findtext("MsgType"), message.findtext("Event")
        if kind == "text":
            text = message_text(message.findtext("Content"))
            own_id = word(message.findtext("MsgId"))
        elif kind == "event" and event in _PRESSED:
            # A press has no id of its own: WeCom says to tell them apart by user and time.
            text = word(message.findtext("EventKey"))
            task = word(message.findtext("TaskId")) or ""
            own_id = f"{user}-{created}-{text}-{task}"[:128] if created else None
        else:
            return None  # people come and go, places, pictures: nothing to answer an alert with
        if user is None or not text or own_id is None:
            raise HookRefusedError(400, "malformed-message")
        return Reply(
            gateway_id=own_id,
            sender=self._sender(user),
            text=text,
            occurred_at=created * 1000 if created else None,
        )

    def _sender(self, user: str) -> str:
        if self._userid_is_mobile and _MOBILE.fullmatch(user):
            return f"+86{user}"
        return f"wecom:{user}"


def _xml(body: bytes) -> "etree._Element":
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise HookRefusedError(400, "malformed-xml") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise HookRefusedError(400, "malformed-xml")
    return root
