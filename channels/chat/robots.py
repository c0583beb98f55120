"""What the robots of chat platforms share: the way of a message, at its bot's pace, and health.

A platform is a `Dialect`: a value that says what its requests look like and what its answers
mean. The address is the group's webhook URL as the platform shows it, the secret what it shows
beside it. Every request carries our numbers as `x-request-id`, which platforms ignore and proxies
and self-hosted ones log: none of these platforms has a field for them, nor receipts.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

import httpx

from alertd.i18n import N_
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
from channels.chat.answers import BotBusyError, SignatureError, dead, refused
from channels.chat.pace import Paces, Window
from channels.chat.parts import TooLongError, split
from channels.http_faults import LostAnswerError, NotSentError, fault_of_exchange
from channels.http_web import BadUrlError, WebAnswer, WebClient
from channels.service_clock import ServiceClock

_MAX_BODY_BYTES = 64 * 1024
_HEALTH_TIMEOUT_S = 2.0
_SERVER_ERRORS = 500
_SILENT = N_("{service} doesn't answer.")
_DOWN = N_("{service} answers http-{status}.")
_THERE = N_("{service} answers; bots are known when they send.")
_MOST_MENTIONED = 200  # of whom more would leave the text itself no room
_MAINLAND = re.compile(r"\+86(1[3-9]\d{9})")  # the only numbers that these platforms know


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One part of a message, to be made into a request."""

    text: str = field(repr=False)
    mobiles: Sequence[str] = field(repr=False)  # whom this part mentions: national numbers
    secret: str | None = field(repr=False)
    query: Mapping[str, str] = field(repr=False)  # of the group's URL
    now_ms: int  # the platform's time


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What the platform wants: a JSON body, and what goes beside it."""

    body: Mapping[str, Any] = field(repr=False)
    query: str = field(default="", repr=False)  # encoded, put behind that of the URL
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: str = field(default="", repr=False)  # in the body's place, encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One platform.

    Args:
        service: Its name in health's sentence; in lower case, in front of codes.
        public_url: Where its groups' URLs point to by default.
        path: What the path of such a URL looks like.
        most_bytes: Of a part's text, tail included.
        windows: How many messages a bot may send.
        letter: Makes the request of a part.
        judge: Reads an answer and the time; raises SendError where the message wasn't taken.
        tail: Put behind the last part when people are mentioned.
        probe: The path that health asks for.
        probe_headers: Sent with it.
        probed: What the answer to it says.
    """

    service: str
    public_url: str
    path: re.Pattern[str]
    most_bytes: int
    windows: Sequence[Window]
    letter: Callable[[Sheet], Letter]
    judge: Callable[[WebAnswer, int], Accepted]
    tail: Callable[[Sequence[str]], str] = lambda _: ""
    probe: str = "/"
    probe_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    probed: Callable[[WebAnswer], Health | None] = lambda _: None


class RobotRoute:
    """The bots of one platform, each in its group.

    Args:
        config: Its option `base_url` is called in place of the platform's public server: another
            edition's, or a proxy's. What else a platform knows, its own class has read.
        context: Clock and sink.
        dialect: The platform.
        mentioning: The same platform, where it says things differently when it mentions people.
    """

    kind = ChannelKind.CHAT

    def __init__(
        self,
        config: RouteConfig,
        context: RouteContext,
        dialect: Dialect,
        *,
        mentioning: Dialect | None = None,
    ) -> None:
        self.config = config
        self._dialect = dialect
        self._mentioning = mentioning or dialect
        self._base_url = options.url(config, "base_url", dialect.public_url)
        self._clock = ServiceClock(context.now)
        self._ours = context.now
        self._paces = Paces(dialect.windows, f"{dialect.service.lower()}-pace")
        self._client: WebClient | None = None
        self._under_way = UnderWay()

    async def start(self) -> None:
        """Open the client; connections come with the first messages."""
        limits = self.config.limits
        self._client = WebClient(
            connections=limits.in_flight + 1,  # health has one of its own
            connect_timeout_s=min(5.0, limits.timeout_s / 2),
        )

    async def close(self) -> None:
        """End the tries in flight as UNKNOWN and cut the connections."""
        client, self._client = self._client, None
        await self._under_way.end()
        if client is not None:
            await client.close()

    def send_many(self, messages: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        """Hand over; an Outcome a message."""
        return each(messages, self._send, self.config.limits.timeout_s, self._under_way)

    async def _send(self, message: Outgoing) -> Accepted:
        url = self._url(message.address)
        mobiles = _mobiles(message.mentions)
        dialect = self._mentioning if mobiles else self._dialect
        parts = _parts(message.text, dialect, dialect.tail(mobiles) if mobiles else "")
        pace = self._paces.of(message.address)
        # Half of the time is for waiting, so that the other half is left for the exchange: a try
        # that ends while it waits would be unknown, and yet nothing of it had left.
        async with pace.room_for(len(parts), self.config.limits.timeout_s / 2):
            accepted = Accepted(None)
            for number, text in enumerate(parts, 1):
                last = number == len(parts)
                sheet = Sheet(
                    text=text,
                    mobiles=mobiles if last else (),
                    secret=message.secret,
                    query=dict(parse_qsl(url.query)),
                    now_ms=self._clock.now(),
                )
                try:
                    accepted = await self._hand_over(
                        url,
                        dialect.letter(sheet),
                        sheet.now_ms,
                        f"{message.delivery}-{message.attempt}-{number}",
                    )
                except SendError as error:
                    if isinstance(error, BotBusyError):
                        pace.shut(error.retry_after_s or 0.0)
                    if number > 1:
                        raise SendError(Fault.UNKNOWN, "half-sent") from None
                    raise
        return accepted

    def _url(self, address: str) -> SplitResult:
        """The URL to call: the group's own at this route's server.

        Raises:
            SendError: It isn't one of this platform. It may be another's, and then another's
                text, mentions and secret aren't for it.
        """
        try:
            url, base = urlsplit(address), urlsplit(self._base_url)
            server = f"{url.scheme}://{url.netloc}"
            public = urlsplit(self._dialect.public_url)
        except ValueError:
            raise dead("bad-url") from None
        path = url.path
        if server == f"{base.scheme}://{base.netloc}":
            path = path.removeprefix(base.path)
        elif url.netloc != public.netloc:
            raise refused("other-server")
        if not self._dialect.path.fullmatch(path):
            raise dead("bad-url")
        return SplitResult(base.scheme, base.netloc, base.path + path, url.query, "")

    async def _hand_over(
        self, url: SplitResult, letter: Letter, signed_at: int, reference: str
    ) -> Accepted:
        query = "&".join(filter(None, (url.query, letter.query)))
        headers = {
            "content-type": "application/json; charset=utf-8",
            "x-request-id": reference,
            **letter.headers,
        }
        answer = await self._ask(
            "POST",
            url._replace(query=query).geturl(),
            headers,
            (letter.form or json.dumps(letter.body, ensure_ascii=False)).encode(),
        )
        self._clock.learn(answer.headers.get("date"))
        try:
            return self._dialect.judge(answer, self._ours())
        except SignatureError:
            if self._clock.contradicts(signed_at):
                # Known now: the next try is signed with their time.
                raise SendError(Fault.RETRY, "wrong-clock") from None
            raise

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> WebAnswer:
        if self._client is None:
            raise SendError(Fault.RETRY, "route-closed")
        ours = {"accept-encoding": "identity", "user-agent": "alertd", **headers}
        # `from None`: these errors' own texts hold the URL, which is an address.
        try:
            request = httpx.Request(method, httpx.URL(url), headers=ours, content=body)
            return await self._client.send(
                request,
                max_body_bytes=_MAX_BODY_BYTES,
                body_timeout_s=self.config.limits.timeout_s,
            )
        except (BadUrlError, httpx.InvalidURL, UnicodeError):
            raise dead("bad-url") from None
        except (NotSentError, LostAnswerError) as error:
            raise fault_of_exchange(error) from None

    def hooks(self) -> Sequence[Hook]:
        """None, unless the platform's own class has them."""
        return ()

    async def health(self) -> Health:
        """Ask whether the platform is there, and what time it is."""
        service = self._dialect.service
        if self._client is None:
            return Health(ok=False, detail=N_("The route is closed."))
        url = f"{self._base_url}{self._dialect.probe}"
        try:
            async with asyncio.timeout(_HEALTH_TIMEOUT_S):
                answer = await self._ask("GET", url, self._dialect.probe_headers)
        except (SendError, TimeoutError):
            return Health(ok=False, detail=_SILENT.format(service=service))
        self._clock.learn(answer.headers.get("date"))
        if answer.status >= _SERVER_ERRORS:
            return Health(ok=False, detail=_DOWN.format(service=service, status=answer.status))
        if self._clock.off:
            return Health(ok=False, detail=self._clock.words(service))
        known = self._dialect.probed(answer)
        return known or Health(ok=True, detail=_THERE.format(service=service))


def _parts(text: str, dialect: Dialect, tail: str) -> list[str]:
    try:
        parts = split(text, dialect.most_bytes, tail)
    except TooLongError:
        raise refused("too-long") from None
    if any(len(parts) > window.count for window in dialect.windows):
        raise refused("too-long")
    return parts


def _mobiles(phones: Sequence[str]) -> Sequence[str]:
    """National numbers, each once; who has another country's can't be mentioned."""
    found = (_MAINLAND.fullmatch(phone) for phone in phones)
    return tuple(dict.fromkeys(match[1] for match in found if match))[:_MOST_MENTIONED]
