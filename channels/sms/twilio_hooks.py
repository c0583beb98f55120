"""Reading what Twilio posts to us: status callbacks and inbound messages. Pure."""

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlsplit

from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from channels.base import (
    Event,
    HookAnswer,
    HookRefusedError,
    HookRequest,
    Receipt,
    ReceiptStatus,
    Reply,
)
from channels.hook_reading import bound, digits, message_text, word
from channels.sms.twilio_codes import STATUSES, fault_of_code

STATUS = "status"
INBOUND = "inbound"
MAX_BODY_BYTES = 64 * 1024
_MAX_FIELDS = 200  # Twilio sends some thirty
_LARGEST_ATTEMPT = 2**31 - 1
_NO_REPLY = HookAnswer(body=b"<Response/>", content_type="text/xml")


class Form(dict[str, list[str]]):
    """A form's fields; Twilio's validator asks for each through `getlist`."""

    def getlist(self, name: str) -> list[str]:
        """Every value of `name`."""
        return self[name]

    def one(self, name: str) -> str | None:
        """The first value of `name`, or None."""
        return self[name][0] if name in self else None


class Reader:
    """Verifies by the configured public URLs: behind a proxy, no request knows its own.

    Args:
        token: The account's auth token, which signs.
        status_url: The status hook's public URL; our `?d=&a=` comes after it.
        inbound_url: The inbound hook's.
    """

    def __init__(self, token: str, status_url: str, inbound_url: str) -> None:
        self._validator = RequestValidator(token)
        self._status_url = status_url
        self._inbound_url = inbound_url

    def status(self, request: HookRequest) -> tuple[Sequence[Event], HookAnswer]:
        """A status callback; `Hook.read`."""
        form = self._verified(request, self._status_url)
        ours = _form(urlsplit(request.target).query)
        delivery = digits(ours.one("d"), least=1)
        attempt = digits(ours.one("a"), least=1, most=_LARGEST_ATTEMPT)
        if delivery is None or attempt is None:
            raise HookRefusedError(400, "not-ours")
        status = STATUSES.get(form.one("MessageStatus") or form.one("SmsStatus") or "")
        if status is None:
            return (), HookAnswer()  # one that Twilio adds later: nothing to learn from it
        code = digits(form.one("ErrorCode"), most=99_999)
        failed = status is ReceiptStatus.FAILED
        receipt = Receipt(
            delivery=delivery,
            attempt=attempt,
            status=status,
            fault=fault_of_code(code or 0) if failed else None,
            code=f"twilio-{code}" if code else "",
            reference=word(form.one("MessageSid")) or "",
        )
        return (receipt,), HookAnswer()

    def inbound(self, request: HookRequest) -> tuple[Sequence[Event], HookAnswer]:
        """A message that somebody sent us; `Hook.read`."""
        form = self._verified(request, self._inbound_url)
        gateway_id = word(form.one("MessageSid"))
        sender = word(form.one("From"), longest=32)
        text = message_text(form.one("Body"))
        if gateway_id is None or sender is None or text is None:
            raise HookRefusedError(400, "malformed-form")
        return (Reply(gateway_id=gateway_id, sender=sender, text=text),), _NO_REPLY

    def _verified(self, request: HookRequest, url: str) -> Form:
        bound(request, MAX_BODY_BYTES)
        if not request.target.isascii():
            raise HookRefusedError(400, "malformed-target")
        query = request.target.partition("?")[2]
        form = _form(_ascii(request.body))
        signature = request.headers.get("x-twilio-signature", "")
        if not self._validator.validate(f"{url}?{query}" if query else url, form, signature):
            raise HookRefusedError(403, "bad-signature")
        return form


def _ascii(body: bytes) -> str:
    try:
        return body.decode("ascii")
    except UnicodeDecodeError as error:
        raise HookRefusedError(400, "malformed-form") from error


def _form(text: str) -> Form:
    form = Form()
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError as error:  # not UTF-8, or too many
        raise HookRefusedError(400, "malformed-form") from error
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return form
