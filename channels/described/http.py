"""An HTTP gateway by its description: SMS and calls of domestic clouds.

What a description holds is in `description`, and explained in docs/channels/http.md; the shipped
ones are `config/gateways/*.toml`. Options: `gateway` (a shipped one's name, or the path of a file),
those that the description declares, `templates` where the gateway takes registered templates only,
and optional `url`, `extension_digits` and `asked_s`. Receipts name our try by the number that the
gateway carries for us; one without it is matched by the reference that the gateway gave, as long as
this process remembers it (the latest 10,000).
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlsplit

from alertd.i18n import N_
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
from channels.described import calls
from channels.described.answers import code_in, judge, read, telling
from channels.described.description import Inbound, Request, load
from channels.described.hook_items import Items
from channels.described.inbound import MAX_BODY_BYTES, Reader
from channels.described.parts import Parts
from channels.described.settings import RouteSettings, only_known_without_a_gateway, secret_key
from channels.described.signatures import Draft
from channels.described.spacing import Spacing
from channels.http_bulk import Answer, BulkClient
from channels.http_faults import LostAnswerError, NotSentError, fault_of_exchange, fault_of_status
from channels.references import References
from channels.service_clock import ServiceClock

_HEALTH_TIMEOUT_S = 2.0
_MOST_NAMED = 8
_SERVER_ERRORS = 500
_REACHED = Request(method="GET", body="query")


class HttpRoute:
    """One account with one gateway."""

    def __init__(self, config: RouteConfig, context: RouteContext) -> None:
        only_known_without_a_gateway(config)
        self._gateway = load(config)
        self._settings = RouteSettings(config, self._gateway)
        self.config = config
        self.kind = ChannelKind(self._gateway.channel)
        self._ours = context.now
        self._clock = ServiceClock(context.now)
        self._client: BulkClient | None = None
        self._under_way = UnderWay()
        self._references = References()
        self._parts = Parts()
        self._spacing = Spacing(self._gateway.apart_s)

    async def start(self) -> None:
        """Open the client; connections come with the first messages."""
        limits = self.config.limits
        url = urlsplit(self._settings.url)
        self._client = BulkClient(
            f"{url.scheme}://{url.netloc}",
            connections=limits.in_flight,
            headers={"accept": "application/json"},
            connect_timeout_s=min(5.0, limits.timeout_s / 2),
        )

    async def close(self) -> None:
        """End the tries in flight as UNKNOWN and cut the connections."""
        client, self._client = self._client, None
        await self._under_way.end()
        if client is not None:
            client.close()

    def send_many(self, messages: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        """Hand over; an Outcome a message."""
        return each(messages, self._send, self.config.limits.timeout_s, self._under_way)

    async def _send(self, message: Outgoing) -> Accepted:
        if self._client is None:
            raise SendError(Fault.RETRY, "route-closed")
        wait_s = self._spacing.wait_s(message.address, self._ours())
        if wait_s:
            raise SendError(Fault.BUSY, "number-just-asked-for", retry_after_s=wait_s)
        try:
            return await self._hand_over(self._client, message)
        except SendError as error:
            if error.fault is not Fault.UNKNOWN:
                self._spacing.forget(message.address)
            raise

    async def _hand_over(self, client: BulkClient, message: Outgoing) -> Accepted:
        given, digits = self._settings.given, self._settings.extension_digits
        values = calls.of_message(message, digits, given.get("signature", ""))
        templates = self._settings.templates
        chosen = templates.fill(message, values["unsigned"]) if templates else None
        values |= calls.of_template(chosen)
        signed_at = self._clock.now()
        draft = self._draft(self._gateway.request, values, signed_at)
        try:
            answer = await _exchange(client, draft)
        except (NotSentError, LostAnswerError) as error:
            raise fault_of_exchange(error) from error
        self._clock.learn(answer.date)
        try:
            accepted = judge(self._gateway.answer, answer, values["ours"], self._ours())
        except SendError as error:
            if error.fault is Fault.REFUSED and self._clock.contradicts(signed_at):
                # Known now: the next try is signed with their time.
                raise SendError(Fault.RETRY, "wrong-clock") from None
            raise
        if accepted.reference is not None and not self._references.fresh(
            accepted.reference, message.delivery, message.attempt
        ):
            raise SendError(Fault.UNKNOWN, "answer-of-another")
        return accepted

    def _draft(self, what: Request, values: dict[str, object], now_ms: int) -> Draft:
        known = {**calls.of_time(now_ms, secrets.token_hex(16)), **values}
        url, given = self._settings.url, self._settings.given
        return calls.draft(what, self._gateway, url, given, known, now_ms)

    def hooks(self) -> Sequence[Hook]:
        """Those of the description."""
        return [self._hook(name, hook) for name, hook in self._gateway.hooks.items()]

    def _hook(self, name: str, hook: Inbound) -> Hook:
        settings = self._settings
        items = Items(
            hook,
            self._gateway.answer.prefix,
            secret_key(settings.given, self._gateway),
            self._references,
            self._parts,
            extension_digits=settings.extension_digits,
            asked_s=settings.asked_s,
        )
        reader = Reader(hook, settings.given, items)
        return Hook(name, reader.read, methods=(hook.method,), max_body_bytes=MAX_BODY_BYTES)

    async def health(self) -> Health:
        """Make the description's harmless call, and say which templates aren't registered."""
        if self._client is None:
            return Health(ok=False, detail=N_("The route is closed."))
        try:
            draft = self._draft(self._gateway.health or _REACHED, {}, self._clock.now())
            async with asyncio.timeout(_HEALTH_TIMEOUT_S):
                answer = await _exchange(self._client, draft)
        except (NotSentError, LostAnswerError, SendError, TimeoutError):
            return Health(ok=False, detail=N_("The gateway doesn't answer."))
        self._clock.learn(answer.date)
        if code := self._complaint(answer):
            if self._clock.off:  # and it is signed with their time from now on
                return Health(ok=False, detail=self._clock.words(self._gateway.title))
            return Health(ok=False, detail=N_("The gateway answers {code}.").format(code=code))
        missing = self._settings.templates.missing() if self._settings.templates else []
        if not missing:
            return Health(ok=True, detail=N_("The gateway answers."))
        more = "" if len(missing) <= _MOST_NAMED else f", … ({len(missing)})"
        names = ", ".join(missing[:_MOST_NAMED]) + more
        told = N_("The gateway answers; not registered with it are: {names}.").format(names=names)
        return Health(ok=True, detail=told)

    def _complaint(self, answer: Answer) -> str | None:
        how = self._gateway.answer
        if self._gateway.health is None:
            return f"http-{answer.status}" if answer.status >= _SERVER_ERRORS else None
        code = code_in(how, read(how, answer.body))
        if code is not None and code not in how.ok:
            return telling(how.prefix, code)
        fault = fault_of_status(answer.status)
        return fault.code if fault else None


async def _exchange(client: BulkClient, draft: Draft) -> Answer:
    path = f"{draft.path}?{draft.query}" if draft.query else draft.path
    if draft.method == "GET":
        return await client.get(path, draft.headers)
    return await client.post(path, draft.body, draft.headers)
