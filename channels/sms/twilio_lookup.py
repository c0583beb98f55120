"""Finding a try in Twilio's list of messages, where its answer was lost: pure.

Twilio's list holds no status callback, so that our numbers aren't in it: a try is found by its
number, its text and its time. A message that is known to be another try's isn't this one's.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from channels.base import Outgoing, Receipt
from channels.references import References
from channels.sms.twilio_words import receipt_of

LOOK_BACK = 20  # messages to one number, the latest; nobody is sent more in a try's time
_CLOCKS_MS = 60_000  # by so much our clock and Twilio's may differ


def find(
    message: Outgoing, since: int, listed: Iterable[Any], references: References
) -> Receipt | None:
    """The word on `message`'s try, begun at `since` (ms); None where the list doesn't hold it.

    Args:
        message: The try, with its text as it was sent.
        since: When it began, ms.
        listed: Twilio's message resources.
        references: Whose the SIDs are that we know; the one found is noted.
    """
    ours = (message.delivery, message.attempt)
    candidates = [
        (abs(created - since), str(one.sid), one)
        for one in listed
        if one.sid
        and one.direction == "outbound-api"
        and one.body == message.text
        and (created := _ms(one.date_created)) is not None
        and created >= since - _CLOCKS_MS
    ]
    for _, sid, one in sorted(candidates, key=lambda candidate: candidate[:2]):
        if references.of(sid) in {None, ours}:
            references.fresh(sid, *ours)
            return receipt_of(ours, str(one.status), one.error_code, sid)
    return None


def _ms(moment: Any) -> int | None:
    return round(moment.timestamp() * 1000) if isinstance(moment, datetime) else None
