"""One Twilio account, as SMS and voice use it: its options, its client, and what it answers.

Options: `account_sid`, `auth_token` (signs the hooks, too); optional `api_key` with
`api_key_secret` to call with instead of the token, `region` with `edge`, or `base_url` in place of
`https://api.twilio.com`; `old_auth_token` while a token is being changed; `shared_key_secret`, and
`old_shared_key_secret` while that is changed, where a webhook rule signs with SHA-256.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from twilio.base.exceptions import TwilioRestException, TwilioServiceException  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from alertd.i18n import N_
from channels import options
from channels.base import Fault, Health, RouteConfig, RouteContext, SendError
from channels.http_web import WebClient
from channels.twilio_codes import fault_of_code
from channels.twilio_http import TwilioHttpClient
from channels.twilio_signature import Signatures

ACCOUNT_OPTIONS = frozenset(
    {"account_sid", "auth_token", "old_auth_token", "shared_key_secret", "old_shared_key_secret"}
    | {"api_key", "api_key_secret", "region", "edge", "base_url"}
)
_BASE_URL = "https://api.twilio.com"
_HEALTH_TIMEOUT_S = 2.0
_ANSWERS, _SILENT = N_("Twilio answers {code}."), N_("Twilio doesn't answer.")
_ACTIVE, _IDLE = N_("The Twilio account is active."), N_("The Twilio account is not active.")
# Twilio's client falls back to os.environ for what isn't given, unless it gets a mapping that
# isn't empty: another program's account must not be used by accident.
_NO_ENVIRONMENT = {"": ""}


class TwilioAccount:
    """The account that a route calls; opened and closed with it.

    Args:
        config: The route's; the options above are read.
        context: The route's.

    Raises:
        NotConfiguredError: An option is missing or wrong.
    """

    def __init__(self, config: RouteConfig, context: RouteContext) -> None:
        self._limits = config.limits
        self._now = context.now
        self._sid = options.header_text(config, "account_sid")
        token = options.header_text(config, "auth_token")
        key = options.optional_text(config, "api_key")
        self._login = (
            (key, options.header_text(config, "api_key_secret")) if key else (self._sid, token)
        )
        self._region = options.optional_text(config, "region")
        self._edge = options.optional_text(config, "edge")
        self._base_url = options.url(config, "base_url", _BASE_URL)
        if self._base_url != _BASE_URL and (self._region or self._edge):
            raise options.wrong(config, "base_url", "can't go with 'region' or 'edge'")
        self.signatures = Signatures(
            tokens=(token, options.optional_text(config, "old_auth_token")),
            shared_keys=(
                options.optional_text(config, "shared_key_secret"),
                options.optional_text(config, "old_shared_key_secret"),
            ),
        )
        self._web: WebClient | None = None
        self.client: Client | None = None

    def open(self) -> None:
        """Make the client; connections come with the first requests."""
        limits = self._limits
        self._web = WebClient(
            connections=limits.in_flight, connect_timeout_s=min(5.0, limits.timeout_s / 2)
        )
        self.client = Client(
            *self._login,
            self._sid,
            self._region,
            http_client=TwilioHttpClient(self._web, self._now, limits.timeout_s),
            environment=_NO_ENVIRONMENT,
            edge=self._edge,
        )
        self.client.api.base_url = self._base_url

    async def close(self, end_tries: Callable[[], Awaitable[None]]) -> None:
        """Take no more, `end_tries`, then cut the connections."""
        web, self._web, self.client = self._web, None, None
        await end_tries()
        if web is not None:
            await web.close()

    async def ask(self, request: Callable[[Client], Awaitable[Any]]) -> Any:
        """Make one `request`; what goes wrong with it is a SendError.

        Raises:
            SendError: RETRY where the route is closed, else as Twilio's answer says.
        """
        if self.client is None:
            raise SendError(Fault.RETRY, "route-closed")
        # `from None`: Twilio's own error texts hold the number.
        try:
            return await request(self.client)
        except (TwilioRestException, TwilioServiceException) as error:
            code = error.code if isinstance(error.code, int) else error.status
            raise SendError(fault_of_code(code), f"twilio-{code}") from None
        except (ValueError, TypeError, AttributeError, KeyError):
            raise SendError(Fault.UNKNOWN, "malformed-answer") from None

    async def made(self, request: Callable[[Client], Awaitable[Any]]) -> str:
        """The id of what `request` made.

        Raises:
            SendError: As `ask`; UNKNOWN where the answer holds no id.
        """
        sid = (await self.ask(request)).sid
        if not sid:
            raise SendError(Fault.UNKNOWN, "malformed-answer")
        return str(sid)

    async def health(self) -> Health:
        """Ask for the account itself."""
        if self.client is None:
            return Health(ok=False, detail=N_("The route is closed."))
        try:
            async with asyncio.timeout(_HEALTH_TIMEOUT_S):
                account = await self.ask(lambda c: c.api.accounts(self._sid).fetch_async())
        except SendError as error:
            if error.code.startswith("twilio-"):
                return Health(ok=False, detail=_ANSWERS.format(code=error.code))
            return Health(ok=False, detail=_SILENT)
        except TimeoutError:
            return Health(ok=False, detail=_SILENT)
        active = str(account.status) == "active"
        said = _ACTIVE if active else _IDLE
        return Health(ok=active, detail=said)
