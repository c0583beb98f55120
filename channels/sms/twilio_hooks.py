"""Reading what Twilio posts about SMS: status callbacks and inbound messages. Pure."""

from collections.abc import Sequence

from channels.base import Event, HookAnswer, HookRefusedError, HookRequest, Reply
from channels.hook_reading import digits, message_text, word
from channels.sms.twilio_words import receipt_of
from channels.twilio_signature import Signatures
from channels.twilio_try import our_try

STATUS = "status"
INBOUND = "inbound"
_NO_REPLY = HookAnswer(body=b"<Response/>", content_type="text/xml")


class Reader:
    """Verifies by the configured public URLs.

    Args:
        signatures: Who may sign.
        status_url: The status hook's public URL; our `?d=&a=` comes after it.
        inbound_url: The inbound hook's.
    """

    def __init__(self, signatures: Signatures, status_url: str, inbound_url: str) -> None:
        self._signatures = signatures
        self._status_url = status_url
        self._inbound_url = inbound_url

    def status(self, request: HookRequest) -> tuple[Sequence[Event], HookAnswer]:
        """A status callback; `Hook.read`."""
        form = self._signatures.verified(request, self._status_url)
        delivery, attempt = our_try(request.target)
        receipt = receipt_of(
            (delivery, attempt),
            form.one("MessageStatus") or form.one("SmsStatus") or "",
            digits(form.one("ErrorCode"), most=99_999),
            word(form.one("MessageSid")) or "",
        )
        # None is a status that Twilio adds later: nothing to learn from it.
        return (() if receipt is None else (receipt,)), HookAnswer()

    def inbound(self, request: HookRequest) -> tuple[Sequence[Event], HookAnswer]:
        """A message that somebody sent us; `Hook.read`."""
        form = self._signatures.verified(request, self._inbound_url)
        gateway_id = word(form.one("MessageSid"))
        sender = word(form.one("From"), longest=32)
        text = message_text(form.one("Body"))
        if gateway_id is None or sender is None or text is None:
            raise HookRefusedError(400, "malformed-form")
        return (Reply(gateway_id=gateway_id, sender=sender, text=text),), _NO_REPLY
