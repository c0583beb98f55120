"""What Twilio's word on a message comes to, in a callback as in its list of messages: pure."""

from channels.base import Receipt, ReceiptStatus
from channels.twilio_codes import fault_of_code

# https://www.twilio.com/docs/messaging/api/message-resource#message-status-values
_STATUSES = {
    "accepted": ReceiptStatus.ACCEPTED,
    "scheduled": ReceiptStatus.ACCEPTED,
    "queued": ReceiptStatus.ACCEPTED,
    "sending": ReceiptStatus.ACCEPTED,
    "sent": ReceiptStatus.ACCEPTED,  # the carrier took it, which is no more than we knew
    "delivered": ReceiptStatus.DELIVERED,
    "read": ReceiptStatus.DELIVERED,
    "undelivered": ReceiptStatus.FAILED,
    "failed": ReceiptStatus.FAILED,
    "canceled": ReceiptStatus.FAILED,
}


def receipt_of(
    ours: tuple[int, int], word: str, code: int | None, reference: str
) -> Receipt | None:
    """The receipt that Twilio's `word` is for our (delivery, attempt); None where it says nothing.

    Args:
        ours: Delivery and attempt.
        word: Its status.
        code: Its error code, or None.
        reference: The message's SID.
    """
    status = _STATUSES.get(word)
    if status is None:
        return None
    return Receipt(
        delivery=ours[0],
        attempt=ours[1],
        status=status,
        fault=fault_of_code(code or 0) if status is ReceiptStatus.FAILED else None,
        code=f"twilio-{code}" if code else "",
        reference=reference,
    )
