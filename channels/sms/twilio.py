"""SMS by Twilio, through its official library.

Options: `account_sid`, `auth_token` (signs the hooks, too), `from` (a number) or
`messaging_service_sid`; optional `api_key` with `api_key_secret` to send with instead of the token,
`region` with `edge`, or `base_url` in place of `https://api.twilio.com`. Twilio must reach our
`public_base_url`: status callbacks go to the hook `status` by themselves; `inbound` is set by hand
as the number's or service's webhook.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlencode

from twilio.base.exceptions import TwilioRestException, TwilioServiceException  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

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
from channels.http_web import WebClient
from channels.sms.twilio_codes import fault_of_code
from channels.sms.twilio_hooks import INBOUND, STATUS, Reader
from channels.sms.twilio_http import TwilioHttpClient

_KNOWN = frozenset(
    {"account_sid", "auth_token", "api_key", "api_key_secret", "from", "messaging_service_sid"}
    | {"region", "edge", "base_url"}
)
_BASE_URL = "https://api.twilio.com"
_HEALTH_TIMEOUT_S = 2.0
_VALIDITY_S = (5, 36_000)  # what Twilio takes
# Twilio's client falls back to os.environ for what isn't given, unless it gets a mapping that
# isn't empty: another program's account must not be used by accident.
_NO_ENVIRONMENT = {"": ""}


class TwilioRoute:
    """One Twilio account, or one sender of it."""

    kind = ChannelKind.SMS

    def __init__(self, config: RouteConfig, context: RouteContext) -> None:
        options.only(config, _KNOWN)
        self.config = config
        self._now = context.now
        self._account = options.header_text(config, "account_sid")
        self._token = options.header_text(config, "auth_token")
        key = options.optional_text(config, "api_key")
        self._login = (
            (key, options.header_text(config, "api_key_secret"))
            if key
            else (self._account, self._token)
        )
        service = options.optional_text(config, "messaging_service_sid")
        self._sender = (
            {"messaging_service_sid": service}
            if service
            else {"from_": options.text(config, "from")}
        )
        self._region = options.optional_text(config, "region")
        self._edge = options.optional_text(config, "edge")
        self._base_url = options.url(config, "base_url", _BASE_URL)
        if self._base_url != _BASE_URL and (self._region or self._edge):
            raise options.wrong(config, "base_url", "can't go with 'region' or 'edge'")
        self._status_url = context.hook_url(config.name, STATUS)
        self._reader = Reader(self._token, self._status_url, context.hook_url(config.name, INBOUND))
        self._http: TwilioHttpClient | None = None
        self._client: Client | None = None
        self._under_way = UnderWay()

    async def start(self) -> None:
        """Open the client; connections come with the first messages."""
        limits = self.config.limits
        self._http = TwilioHttpClient(
            WebClient(
                connections=limits.in_flight, connect_timeout_s=min(5.0, limits.timeout_s / 2)
            ),
            self._now,
            limits.timeout_s,
        )
        self._client = Client(
            *self._login,
            self._account,
            self._region,
            http_client=self._http,
            environment=_NO_ENVIRONMENT,
            edge=self._edge,
        )
        self._client.api.base_url = self._base_url

    async def close(self) -> None:
        """End the tries in flight as UNKNOWN and cut the connections."""
        http, self._http, self._client = self._http, None, None
        await self._under_way.end()
        if http is not None:
            await http.web.close()

    def send_many(self, messages: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        """Hand over; an Outcome a message."""
        return each(messages, self._send, self.config.limits.timeout_s, self._under_way)

    async def _send(self, message: Outgoing) -> Accepted:
        if self._client is None:
            raise SendError(Fault.RETRY, "route-closed")
        ours = urlencode({"d": message.delivery, "a": message.attempt})
        shortest, longest = _VALIDITY_S
        left_s = (message.expires_at - self._now()) // 1000
        # `from None`: Twilio's own error texts hold the number.
        try:
            made = await self._client.messages.create_async(
                to=message.address,
                body=message.text,
                status_callback=f"{self._status_url}?{ours}",
                validity_period=min(max(left_s, shortest), longest),
                **self._sender,
            )
        except (TwilioRestException, TwilioServiceException) as error:
            raise _refused(error) from None
        except (ValueError, TypeError, AttributeError, KeyError):
            raise SendError(Fault.UNKNOWN, "malformed-answer") from None
        if not made.sid:
            raise SendError(Fault.UNKNOWN, "malformed-answer")
        return Accepted(str(made.sid))

    def hooks(self) -> Sequence[Hook]:
        """Status callbacks and inbound messages."""
        return (Hook(STATUS, self._reader.status), Hook(INBOUND, self._reader.inbound))

    async def health(self) -> Health:
        """Ask for our own account."""
        if self._client is None:
            return Health(ok=False, detail="The route is closed.")
        try:
            async with asyncio.timeout(_HEALTH_TIMEOUT_S):
                account = await self._client.api.accounts(self._account).fetch_async()
        except (TwilioRestException, TwilioServiceException) as error:
            return Health(ok=False, detail=f"Twilio answers {_refused(error).code}.")
        except (SendError, TimeoutError, ValueError, TypeError, AttributeError, KeyError):
            return Health(ok=False, detail="Twilio doesn't answer.")
        active = str(account.status) == "active"
        return Health(ok=active, detail=f"The Twilio account is {'active' if active else 'not'}.")


def _refused(error: TwilioRestException | TwilioServiceException) -> SendError:
    code = error.code if isinstance(error.code, int) else error.status
    return SendError(fault_of_code(code), f"twilio-{code}")
