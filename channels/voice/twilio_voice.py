"""Telephone calls by Twilio: the text is said, and a key answers it.

1 is "received", 3 is "help" and 0 is "off duty", as in an SMS; the text itself names them. Heard to
the end without a key counts as heard, and as no answer; a mailbox that picks up hears it to the
end, too. A call for help asks for no key and takes none. Busy and no answer are tried again.

Options: the account's (`channels/twilio_account.py`), `from` (a number of the account), `repeat`
(how often the text is said, 1 to 5; 2), `ring_s` (for how long it rings, 5 to 120; 30), `voice`
(one of Twilio's; not set: its usual one). Twilio must reach our `public_base_url`.
"""

from collections.abc import AsyncIterator, Sequence

from channels import options
from channels.base import (
    Accepted,
    ChannelKind,
    Fault,
    Health,
    Hook,
    Outcome,
    Outgoing,
    RouteConfig,
    RouteContext,
    SendError,
    UnderWay,
    each,
)
from channels.twilio_account import ACCOUNT_OPTIONS, TwilioAccount
from channels.twilio_try import callback_url
from channels.voice import twilio_twiml
from channels.voice.twilio_calls import KEY, STATUS, Reader

_KNOWN = ACCOUNT_OPTIONS | {"from", "repeat", "ring_s", "voice"}
_TELLING = {"help", "heard"}  # of a call for help: there is nothing to answer by a key
_EVENTS = ["initiated", "answered", "completed"]  # the first resolves a lost answer
_SPARE_S = 60  # for a wrong key, the prompt and the answer; then a stuck call is ended


class TwilioVoiceRoute:
    """One number of a Twilio account that calls."""

    kind = ChannelKind.VOICE

    def __init__(self, config: RouteConfig, context: RouteContext) -> None:
        options.only(config, _KNOWN)
        self.config = config
        self._account = TwilioAccount(config, context)
        self._from = options.header_text(config, "from")
        self._repeat = options.whole(config, "repeat", 2, range(1, 6))
        self._ring_s = options.whole(config, "ring_s", 30, range(5, 121))
        self._voice = options.optional_text(config, "voice")
        self._status_url = context.hook_url(config.name, STATUS)
        self._key_url = context.hook_url(config.name, KEY)
        self._reader = Reader(self._account.signatures, self._status_url, self._key_url)
        self._under_way = UnderWay()

    async def start(self) -> None:
        """Open the client; connections come with the first calls."""
        self._account.open()

    async def close(self) -> None:
        """End the tries in flight as UNKNOWN and cut the connections; calls go on."""
        await self._account.close(self._under_way.end)

    def send_many(self, messages: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        """Order a call a message; an Outcome each."""
        return each(messages, self._send, self.config.limits.timeout_s, self._under_way)

    async def _send(self, message: Outgoing) -> Accepted:
        lasts_s = twilio_twiml.seconds(message.text, self._repeat)
        key_url = callback_url(self._key_url, message, s=lasts_s, l=message.language)
        said, spoken, by = (message.text, message.language), self._repeat, self._voice
        if message.kind in _TELLING:
            twiml = twilio_twiml.told(*said, repeat=spoken, end_url=key_url, voice=by)
        else:
            twiml = twilio_twiml.call(*said, repeat=spoken, key_url=key_url, voice=by)
        if len(twiml) > twilio_twiml.MAX_CHARACTERS:
            raise SendError(Fault.REFUSED, "too-long")
        sid = await self._account.made(
            lambda client: client.calls.create_async(
                to=message.address,
                from_=self._from,
                twiml=twiml,
                timeout=self._ring_s,
                time_limit=lasts_s * 2 + _SPARE_S,
                status_callback=callback_url(self._status_url, message, s=lasts_s),
                status_callback_event=_EVENTS,
            )
        )
        return Accepted(sid)

    def hooks(self) -> Sequence[Hook]:
        """The call's progress, and the key that was pressed."""
        return (Hook(STATUS, self._reader.status), Hook(KEY, self._reader.key))

    async def health(self) -> Health:
        """Ask for our own account."""
        return await self._account.health()
