"""SMS by Twilio, through its official library.

Options: the account's (`channels/twilio_account.py`), `from` (a number) or
`messaging_service_sid`, and `validity_s` (5 to 36,000; 300), for how long Twilio may keep a message
that it can't hand on. Twilio must reach our `public_base_url`: status callbacks go to the hook
`status` by themselves, and carry our numbers of the try; `inbound` is set by hand as the number's
or service's webhook.
"""

from collections.abc import AsyncIterator, Sequence

from alertd.i18n import N_
from channels import options
from channels.base import (
    Accepted,
    ChannelKind,
    Health,
    Hook,
    Outcome,
    Outgoing,
    Receipt,
    RouteConfig,
    RouteContext,
    SendError,
    UnderWay,
    each,
)
from channels.references import References
from channels.sms import twilio_lookup
from channels.sms.twilio_hooks import INBOUND, STATUS, Reader
from channels.twilio_account import ACCOUNT_OPTIONS, TwilioAccount
from channels.twilio_try import callback_url

_KNOWN = ACCOUNT_OPTIONS | {"from", "messaging_service_sid", "validity_s"}
_VALIDITY_S = range(5, 36_001)  # what Twilio takes
# Long enough for a carrier's bad moment, short enough that another route still comes in time.
_USUAL_VALIDITY_S = 300


class TwilioRoute:
    """One Twilio account, or one sender of it."""

    kind = ChannelKind.SMS

    def __init__(self, config: RouteConfig, context: RouteContext) -> None:
        options.only(config, _KNOWN)
        self.config = config
        self._now = context.now
        self._account = TwilioAccount(config, context)
        self._sender = _sender(config)
        self._validity_s = options.whole(config, "validity_s", _USUAL_VALIDITY_S, _VALIDITY_S)
        self._status_url = context.hook_url(config.name, STATUS)
        inbound_url = context.hook_url(config.name, INBOUND)
        self._reader = Reader(self._account.signatures, self._status_url, inbound_url)
        self._references = References()
        self._under_way = UnderWay()

    async def start(self) -> None:
        """Open the client; connections come with the first messages."""
        self._account.open()

    async def close(self) -> None:
        """End the tries in flight as UNKNOWN and cut the connections."""
        await self._account.close(self._under_way.end)

    def send_many(self, messages: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        """Hand over; an Outcome a message."""
        return each(messages, self._send, self.config.limits.timeout_s, self._under_way)

    async def _send(self, message: Outgoing) -> Accepted:
        left_s = (message.expires_at - self._now()) // 1000
        sid = await self._account.made(
            lambda client: client.messages.create_async(
                to=message.address,
                body=message.text,
                status_callback=callback_url(self._status_url, message),
                validity_period=max(min(left_s, self._validity_s), _VALIDITY_S[0]),
                **self._sender,
            )
        )
        self._references.fresh(sid, message.delivery, message.attempt)
        return Accepted(sid)

    async def look_up(self, message: Outgoing, since: int) -> Receipt | None:
        """Look for a try in Twilio's list, where no callback came; `base.Traceable`."""
        limit = twilio_lookup.LOOK_BACK
        try:
            listed = await self._account.ask(
                lambda client: client.messages.list_async(to=message.address, limit=limit)
            )
        except SendError:
            return None
        return twilio_lookup.find(message, since, listed, self._references)

    def hooks(self) -> Sequence[Hook]:
        """Status callbacks and inbound messages."""
        return (Hook(STATUS, self._reader.status), Hook(INBOUND, self._reader.inbound))

    async def health(self) -> Health:
        """Ask for our own account."""
        return await self._account.health()


def _sender(config: RouteConfig) -> dict[str, str]:
    service = options.optional_text(config, "messaging_service_sid")
    if service:
        return {"messaging_service_sid": service}
    number = options.header_text(config, "from")  # ASCII, as Twilio has no other senders
    if number.replace(" ", "").startswith("+86"):
        what = N_("can't be a number of mainland China (+86): Twilio has none for SMS")
        raise options.wrong(config, "from", what)
    return {"from_": number}
