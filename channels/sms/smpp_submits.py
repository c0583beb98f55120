"""A message as the submits that carry it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from channels.base import Fault, Outgoing, SendError
from channels.sms import smpp_pdus as pdus
from channels.sms.smpp_numbers import outgoing_number
from channels.sms.smpp_settings import SmppSettings
from channels.sms.smpp_text import Part as Text
from channels.sms.smpp_text import cut
from channels.sms.smpp_tries import Part

_HAS_HEADER = 0x40  # esm_class, SMPP 3.4, 5.2.12
_WANT_RECEIPT = 0x01  # registered_delivery, 5.2.17
_LONGEST_VALIDITY_S = 3 * 86_400


@dataclass(frozen=True, slots=True)
class Prepared:
    """One part, but for what is known only when its turn has come."""

    text: Text = field(repr=False)
    number: str = field(repr=False)
    expires_at: int
    settings: SmppSettings

    def octets(self, part: Part, now: Callable[[], int], sequence: int) -> bytes:
        """The submit_sm.

        Raises:
            SendError: It is worth nothing any more.
        """
        left_s = (self.expires_at - now()) // 1000
        if left_s <= 0:
            raise SendError(Fault.REFUSED, "expired")
        to, text = self.settings, self.text
        return pdus.submit(
            sequence,
            None if to.reference_tlv is None else (to.reference_tlv, part.word),
            source_addr_ton=to.source_ton,
            source_addr_npi=to.source_npi,
            source_addr=to.source,
            dest_addr_ton=to.dest_ton,
            dest_addr_npi=to.dest_npi,
            destination_addr=self.number,
            esm_class=_HAS_HEADER if text.has_header else 0,
            validity_period=_relative(left_s) if to.validity else "",
            registered_delivery=_WANT_RECEIPT,
            data_coding=text.data_coding,
            short_message=text.data,
            user_message_reference=part.reference,
        )


def prepare(message: Outgoing, settings: SmppSettings, header: int) -> list[Prepared]:
    """Its parts, in order.

    Args:
        message: What to send.
        settings: How the carrier wants it.
        header: What tells its parts from those of another message to the same phone; 0–255.

    Raises:
        SendError: It can't be sent so.
    """
    number = outgoing_number(message.address, settings.left_out)
    if number is None:
        raise SendError(Fault.DEAD, "bad-number")
    try:
        parts = cut(message.text, header)
    except ValueError:
        raise SendError(Fault.REFUSED, "text-too-long-or-not-unicode") from None
    return [Prepared(part, number, message.expires_at, settings) for part in parts]


def _relative(left_s: int) -> str:
    """A validity_period that is no matter of clocks: SMPP 3.4, 7.1.1.2."""
    minutes, seconds = divmod(min(left_s, _LONGEST_VALIDITY_S), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"0000{days:02}{hours:02}{minutes:02}{seconds:02}000R"
