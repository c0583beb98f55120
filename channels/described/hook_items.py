"""What one item of a gateway's call says: a receipt, a reply, or both. No I/O."""

import hmac
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import phonenumbers

from channels.base import Event, Receipt, ReceiptStatus, Reply
from channels.described.answers import at, looked_up, scalar, telling
from channels.described.description import Inbound, ReceiptItem, ReplyItem
from channels.described.ours import read as read_ours
from channels.described.parts import Parts
from channels.extensions import extension_in
from channels.hook_reading import UNHEARD, message_text, moment, word
from channels.references import References

_REGION: Final = "CN"
_LONGEST_CALL_S: Final = 24 * 3600
_KEYS: Final = "013"  # off duty, received, help


class Items:
    """Reads the items of one hook.

    Args:
        hook: Its description.
        prefix: Before the gateway's codes in our own.
        key: Hides what a reply's id is made of: numbers and texts.
        given: What the gateway's references were given for, where a receipt lacks our number.
        parts: What it said of the parts of long messages, where it reports each.
        extension_digits: How many digits of the receiving number are the alert's extension.
        asked_s: How long must be heard of a call that was hung up, to count as heard.
    """

    def __init__(
        self,
        hook: Inbound,
        prefix: str,
        key: bytes,
        given: References,
        parts: Parts,
        *,
        extension_digits: int,
        asked_s: int,
    ) -> None:
        self._hook = hook
        self._prefix = prefix
        self._key = key
        self._given = given
        self._parts = parts
        self._extension_digits = extension_digits
        self._asked_s = asked_s

    def read(self, item: Any) -> Sequence[Event] | None:
        """The events of one item, none where it isn't ours; None where it isn't an item at all."""
        receipt, reply = self._hook.receipt, self._hook.reply
        events: list[Event] = []
        sound, answers = False, 0
        if receipt is not None and (status := scalar(at(item, receipt.status))) is not None:
            sound = True
            if (word_of_it := self._receipt(receipt, item, status)) is not None:
                events.append(word_of_it)
                answers = word_of_it.delivery
        if reply is not None and (answered := self._reply(reply, item)) is not None:
            sound = True
            events.append(replace(answered, answers=answers))  # a key pressed in that very call
        return events if sound else None

    def _receipt(self, how: ReceiptItem, item: Any, said: str) -> Receipt | None:
        reference = word(scalar(at(item, how.reference))) or "" if how.reference else ""
        carried = scalar(at(item, how.ours))
        ours = read_ours(carried) if carried else self._given.of(reference)
        status = looked_up(how.statuses, said, None)
        if ours is None or status is None:
            return None  # another system's message, or a word that the provider added
        code = scalar(at(item, how.code or how.status)) or ""
        heard = _seconds(at(item, how.heard)) if how.heard else None
        status, detail = self._heard(status, heard) if how.heard else (status, "")
        if how.part:
            number, total = scalar(at(item, how.part)), scalar(at(item, how.parts))
            status = self._parts.after(ours, number, total, status)
            if status is None:
                return None
        failed = status is ReceiptStatus.FAILED
        found = Receipt(
            delivery=ours[0],
            attempt=ours[1],
            status=status,
            fault=looked_up(how.faults, code, how.default) if failed else None,
            code=telling(self._prefix, code) if failed and code else "",
            detail=detail,
            reference=reference,
            occurred_at=self._time(item, how.at),
        )
        if heard == 0 and detail:
            return replace(found, **UNHEARD)
        return found

    def _heard(self, status: ReceiptStatus, heard: int | None) -> tuple[ReceiptStatus, str]:
        """Seconds heard of seconds asked, as a loudspeaker's n of m."""
        if heard is None:
            # Of a call whose length isn't told nobody knows how much of it was heard.
            return (ReceiptStatus.DELIVERED if status is ReceiptStatus.PLAYED else status), ""
        if status is ReceiptStatus.PLAYED:
            return status, f"{heard}/{heard}"
        if status is not ReceiptStatus.INTERRUPTED:
            return status, ""
        if heard >= self._asked_s:
            return ReceiptStatus.PLAYED, f"{heard}/{self._asked_s}"
        return status, f"{heard}/{self._asked_s}"

    def _reply(self, how: ReplyItem, item: Any) -> Reply | None:
        text = message_text(scalar(at(item, how.text)))
        sender = word(_phone(item, how), longest=32)
        if text is None or sender is None:
            return None
        if how.keys:
            text = _pressed(text)
            if not text:
                return None
        parts = [scalar(at(item, path)) for path in how.id]
        gateway_id = self._id(parts)
        if gateway_id is None:
            return None
        given = scalar(at(item, how.extension)) if how.extension else None
        return Reply(
            gateway_id=gateway_id,
            sender=sender,
            text=text,
            extension=extension_in(given or "", self._extension_digits),
            occurred_at=self._time(item, how.at),
        )

    def _id(self, parts: Sequence[str | None]) -> str | None:
        """The gateway's own id, or a keyed digest of what stands for one."""
        if len(parts) == 1:
            return word(parts[0])
        if not all(parts):
            return None
        whole = "\0".join(part or "" for part in parts)
        return hmac.digest(self._key, whole.encode("utf-8", "surrogatepass"), "sha256").hex()

    def _time(self, item: Any, paths: Sequence[str]) -> int | None:
        said = next(filter(None, (scalar(at(item, path)) for path in paths)), None)
        if said is None:
            return None
        form = self._hook.time
        try:
            if form in {"s", "ms"}:
                return moment(int(said) * (1000 if form == "s" else 1))
            when = datetime.strptime(f"{said} {self._hook.zone}", f"{form} %z")
            return moment(round(when.timestamp() * 1000))
        except (ValueError, OverflowError):
            return None  # a bad clock loses no reply


def _phone(item: Any, how: ReplyItem) -> str | None:
    """The sender in E.164 where it can be read, else as given."""
    given = scalar(at(item, how.sender))
    if not given:
        return None
    country = scalar(at(item, how.country)) if how.country else None
    try:
        number = phonenumbers.parse(f"+{country.lstrip('+')}{given}" if country else given, _REGION)
    except phonenumbers.NumberParseException:
        return given
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _pressed(keys: str) -> str:
    """Each key that means something, once: 11 is a 1 pressed twice, 13 and 23 call for help.

    What the call doesn't name would be read as an SMS: a 2 beside the 3 as "done", 53 as nothing.
    """
    return " ".join(dict.fromkeys(key for key in keys if key in _KEYS))


def _seconds(value: Any) -> int | None:
    said = (scalar(value) or "").removesuffix("秒")
    try:
        seconds = int(float(said))
    except (ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds <= _LONGEST_CALL_S else None
