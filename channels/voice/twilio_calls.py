"""Reading what Twilio posts about a call: its progress, and the key that was pressed. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from alertd.i18n import DEFAULT, LANGUAGES
from channels.base import (
    Event,
    Fault,
    HookAnswer,
    HookRefusedError,
    HookRequest,
    Receipt,
    ReceiptStatus,
    Reply,
)
from channels.hook_reading import UNHEARD, digits, word
from channels.twilio_signature import Form, Signatures
from channels.twilio_try import our_try, query_of
from channels.voice import twilio_twiml

STATUS = "status"
KEY = "key"
_CUT = "&w=1"  # of the key's address: a key that means nothing has ended the text already
_LONGEST_S = 86_400
_UNDER_WAY = {"queued", "initiated", "ringing", "in-progress", "answered"}
# Nobody took it up: the same telephone again, a little later.
_AGAIN = {"busy", "no-answer"}
# SIP's words for a number that isn't there (RFC 3261, 21.4).
_NO_SUCH_NUMBER = {404, 410, 484, 604}


class Reader:
    """Verifies by the configured public URLs.

    Args:
        signatures: Who may sign.
        status_url: The status hook's public URL.
        key_url: The key hook's. After both come our `?d=&a=`, and `s`, the seconds that the text
            takes; after the key's `l`, the language, too.
    """

    def __init__(self, signatures: Signatures, status_url: str, key_url: str) -> None:
        self._signatures = signatures
        self._status_url = status_url
        self._key_url = key_url

    def status(self, request: HookRequest) -> tuple[Sequence[Event], HookAnswer]:
        """How the call goes, and how it ended; `Hook.read`."""
        form = self._signatures.verified(request, self._status_url)
        ours, asked_s = our_try(request.target), _asked_s(request.target)
        receipt = _progress(form, ours, asked_s)
        return (() if receipt is None else (receipt,)), HookAnswer()

    def key(self, request: HookRequest) -> tuple[Sequence[Event], HookAnswer]:
        """A key, or the end of the text without one; `Hook.read`."""
        form = self._signatures.verified(request, self._key_url)
        ours, asked_s = our_try(request.target), _asked_s(request.target)
        call_id, called = word(form.one("CallSid")), word(form.one("To"), longest=32)
        if call_id is None or called is None:
            raise HookRefusedError(400, "malformed-form")
        given = query_of(request.target).one("l")
        language = given if given in LANGUAGES else DEFAULT
        key = form.one("Digits") or ""
        if key in twilio_twiml.ANSWERS:
            there = _receipt(ours, ReceiptStatus.DELIVERED, call_id)
            # One call can bring no more than one answer of each kind; a repeated request none.
            reply = Reply(gateway_id=f"{call_id}-{key}", sender=called, text=key, answers=ours[0])
            return (there, reply), _xml(twilio_twiml.answered(key, language))
        if key:
            query = request.target.partition("?")[2].removesuffix(_CUT)
            again = twilio_twiml.ask_again(language, f"{self._key_url}?{query}{_CUT}")
            return (), _xml(again)
        if form.one("CallStatus") != "in-progress" or request.target.endswith(_CUT):
            # Hung up, or cut short by a key; how far it got is in the status.
            return (), _xml(twilio_twiml.goodbye())
        heard = _receipt(ours, ReceiptStatus.PLAYED, call_id, detail=f"{asked_s}/{asked_s}")
        return (heard,), _xml(twilio_twiml.goodbye())


def _progress(form: Form, ours: tuple[int, int], asked_s: int) -> Receipt | None:
    """What the call's status comes to; None for one that Twilio adds later."""
    status, call_id = form.one("CallStatus") or "", word(form.one("CallSid")) or ""
    if status in _UNDER_WAY:
        return _receipt(ours, ReceiptStatus.ACCEPTED, call_id)
    if status == "completed":
        # Hung up, or the end: that it was heard to the end is the key hook's word alone.
        lasted_s = digits(form.one("CallDuration"), most=_LONGEST_S) or 0
        if lasted_s >= asked_s:
            return _receipt(ours, ReceiptStatus.DELIVERED, call_id)
        detail = f"{lasted_s}/{asked_s}"
        found = _receipt(ours, ReceiptStatus.INTERRUPTED, call_id, detail=detail)
        return found if lasted_s else replace(found, **UNHEARD)
    if status in _AGAIN:
        return _receipt(ours, ReceiptStatus.FAILED, call_id, fault=Fault.RETRY, code=status)
    if status in {"failed", "canceled"}:
        sip = digits(form.one("SipResponseCode"), most=999)
        fault = Fault.DEAD if sip in _NO_SUCH_NUMBER else Fault.REFUSED
        code = f"{status}-sip-{sip}" if sip else status
        return _receipt(ours, ReceiptStatus.FAILED, call_id, fault=fault, code=code)
    return None


def _receipt(
    ours: tuple[int, int],
    status: ReceiptStatus,
    reference: str,
    *,
    fault: Fault | None = None,
    code: str = "",
    detail: str = "",
) -> Receipt:
    return Receipt(
        delivery=ours[0],
        attempt=ours[1],
        status=status,
        fault=fault,
        code=code,
        detail=detail,
        reference=reference,
    )


def _asked_s(target: str) -> int:
    seconds = digits(query_of(target).one("s"), least=1, most=_LONGEST_S)
    if seconds is None:
        raise HookRefusedError(400, "not-ours")
    return seconds


def _xml(text: str) -> HookAnswer:
    return HookAnswer(body=text.encode(), content_type="text/xml")
