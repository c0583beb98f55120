"""The words that the handset gateway and its simulator exchange; no I/O here.

Messages go out as `POST /messages`, one JSON object each, with `authorization: Bearer SECRET`:
`delivery`, `attempt`, `to`, `text`, `language`, `alert`, `short_code`, `kind`, `status`,
`expires_at`, `possible_duplicate`. 202 `{"id": …}` means that the gateway has it; no two
deliveries share an id, by which an answer that comes twice is known. 4xx carries `{"error": …}`,
one of the REFUSALS below, and no id; 429 and 503 may carry Retry-After.

Receipts and replies come back as `POST {hook}/receipts` and `{hook}/replies`, one JSON object or
an array of them, signed by `sign`. Receipt: `delivery`, `attempt`, `status` (accepted, delivered,
failed), `reason`, `at`, `id`. Reply: `id`, `from`, `text`, `extension`, `at`.
"""

import hmac
from functools import lru_cache
from typing import Any

from pydantic_core import to_json

from alertd.keyed import Keyed
from channels.base import Fault, Outgoing, Receipt, ReceiptStatus, Reply
from channels.hook_reading import message_text, moment, whole, word

SIGNATURE_HEADER = "x-handsets-signature"
RECEIPTS = "receipts"
REPLIES = "replies"

# What the gateway's reasons mean, at once or in a failed receipt. Others mean REFUSED: this route
# won't bring it, another may.
REFUSALS = {
    "no-such-number": Fault.DEAD,
    "opted-out": Fault.OPTED_OUT,
    "content-refused": Fault.REFUSED,
    "unreachable": Fault.REFUSED,
}

_LARGEST_ATTEMPT = 2**31 - 1
_STATUSES = {
    status.value: status
    for status in (ReceiptStatus.ACCEPTED, ReceiptStatus.DELIVERED, ReceiptStatus.FAILED)
}


def sign(secret: str, hook: str, body: bytes) -> str:
    """HMAC-SHA256 over the hook's name and the body, as SIGNATURE_HEADER carries it.

    No timestamp on purpose: after hours without power the clocks disagree, a reply refused for
    that would be lost, and a repeated one is harmless, since it is told by its id.
    """
    mac = _keyed(secret).digest(hook.encode() + b"\n" + body)
    return f"sha256={mac.hex()}"


@lru_cache(maxsize=64)  # routes of a node
def _keyed(secret: str) -> Keyed:
    return Keyed(secret.encode())


def signed_by(secret: str, hook: str, body: bytes, signature: str) -> bool:
    """Whether `signature` is `sign`'s, compared in constant time."""
    expected = sign(secret, hook, body).encode()
    return hmac.compare_digest(expected, signature.encode("utf-8", "surrogatepass"))


def message_body(message: Outgoing) -> bytes:
    """`POST /messages`, its body."""
    fields = {
        "delivery": message.delivery,
        "attempt": message.attempt,
        "to": message.address,
        "text": message.text,
        "language": message.language,
        "alert": message.alert,
        "short_code": message.short_code,
        "kind": message.kind,
        "status": message.status,
        "expires_at": message.expires_at,
        "possible_duplicate": message.possible_duplicate,
    }
    return to_json(fields)  # in a third of the library's own encoder's time


def read_receipt(item: Any) -> Receipt | None:
    """One item of a receipts hook, or None where it isn't one."""
    if not isinstance(item, dict):
        return None
    delivery = whole(item.get("delivery"), least=1)
    attempt = whole(item.get("attempt"), least=1, most=_LARGEST_ATTEMPT)
    status = _STATUSES.get(word(item.get("status")) or "")
    if delivery is None or attempt is None or status is None:
        return None
    reason = word(item.get("reason")) or ""
    failed = status is ReceiptStatus.FAILED
    return Receipt(
        delivery=delivery,
        attempt=attempt,
        status=status,
        fault=REFUSALS.get(reason, Fault.REFUSED) if failed else None,
        code=reason,
        reference=word(item.get("id")) or "",
        occurred_at=moment(item.get("at")),
    )


def read_reply(item: Any) -> Reply | None:
    """One item of a replies hook, or None where it isn't one."""
    if not isinstance(item, dict):
        return None
    gateway_id = word(item.get("id"))
    sender = word(item.get("from"), longest=32)
    text = message_text(item.get("text"))
    if gateway_id is None or sender is None or text is None:
        return None
    return Reply(
        gateway_id=gateway_id,
        sender=sender,
        text=text,
        extension=word(item.get("extension"), longest=32) or "",
        occurred_at=moment(item.get("at")),
    )
