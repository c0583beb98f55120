"""SMS by the handset gateway: JSON over HTTP, receipts and replies by signed hooks.

The wire is described in `handset_wire`; the peer that ships with alertd is `handset_sim`. Options:
`url` (the gateway's base URL) and `secret` (shared; it authorises us and signs the hooks).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from alertd.i18n import N_
from channels import options
from channels.base import (
    Accepted,
    ChannelKind,
    Event,
    Fault,
    Health,
    Hook,
    HookAnswer,
    HookRefusedError,
    HookRequest,
    Outcome,
    Outgoing,
    RouteConfig,
    RouteContext,
    SendError,
    UnderWay,
    each,
)
from channels.hook_reading import bound, read_items, read_json, word
from channels.http_bulk import Answer, BulkClient
from channels.http_faults import (
    LostAnswerError,
    NotSentError,
    fault_of_exchange,
    fault_of_status,
    retry_after,
)
from channels.references import References
from channels.sms.handset_wire import (
    RECEIPTS,
    REFUSALS,
    REPLIES,
    SIGNATURE_HEADER,
    message_body,
    read_receipt,
    read_reply,
    signed_by,
)

_MAX_HOOK_BYTES = 1024 * 1024  # a batch of some thousand receipts
_HEALTH_TIMEOUT_S = 2.0
_ANSWERS = N_("The handset gateway answers {code}.")


class HandsetsRoute:
    """One handset gateway."""

    kind = ChannelKind.SMS

    def __init__(self, config: RouteConfig, context: RouteContext) -> None:
        options.only(config, frozenset({"url", "secret"}))
        self.config = config
        self._now = context.now
        self._secret = options.header_text(config, "secret")
        self._url = options.url(config, "url")
        self._client: BulkClient | None = None
        self._under_way = UnderWay()
        self._references = References()

    async def start(self) -> None:
        """Open the client; connections come with the first messages."""
        limits = self.config.limits
        self._client = BulkClient(
            self._url,
            connections=limits.in_flight,
            headers={
                "authorization": f"Bearer {self._secret}",
                "content-type": "application/json",
            },
            # Well within the whole, so that a gateway that isn't there is RETRY and not UNKNOWN.
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
        try:
            answer = await self._client.post("/messages", message_body(message))
        except (NotSentError, LostAnswerError) as error:
            raise fault_of_exchange(error) from error
        accepted = _judge(answer, self._now())
        if not self._references.fresh(accepted.reference or "", message.delivery):
            raise SendError(Fault.UNKNOWN, "answer-of-another")
        return accepted

    def hooks(self) -> Sequence[Hook]:
        """Receipts and replies."""
        return (
            Hook(RECEIPTS, self._reader(RECEIPTS, read_receipt), max_body_bytes=_MAX_HOOK_BYTES),
            Hook(REPLIES, self._reader(REPLIES, read_reply), max_body_bytes=_MAX_HOOK_BYTES),
        )

    async def health(self) -> Health:
        """Ask the gateway's `/health`."""
        if self._client is None:
            return Health(ok=False, detail=N_("The route is closed."))
        try:
            async with asyncio.timeout(_HEALTH_TIMEOUT_S):
                answer = await self._client.get("/health")
        except (NotSentError, LostAnswerError, TimeoutError):
            return Health(ok=False, detail=N_("The handset gateway doesn't answer."))
        if fault := fault_of_status(answer.status):
            return Health(ok=False, detail=_ANSWERS.format(code=fault.code))
        return Health(ok=True, detail=N_("The handset gateway answers."))

    def _reader(
        self, name: str, parse: Callable[[Any], Event | None]
    ) -> Callable[[HookRequest], tuple[Sequence[Event], HookAnswer]]:
        def read(request: HookRequest) -> tuple[Sequence[Event], HookAnswer]:
            bound(request, _MAX_HOOK_BYTES)
            signature = request.headers.get(SIGNATURE_HEADER, "")
            if not signed_by(self._secret, name, request.body, signature):
                raise HookRefusedError(401, "bad-signature")
            return read_items(request.body, parse)

        return read


def _judge(answer: Answer, now_ms: int) -> Accepted:
    said = _object(answer.body)
    fault = fault_of_status(answer.status, retry_after(answer.retry_after, now_ms))
    reference = word(said.get("id"))
    if reference is not None and (fault is not None or "error" in said):
        # The status says no and the body yes, or the other way round: nobody can tell.
        raise SendError(Fault.UNKNOWN, "contradictory-answer")
    if fault is None:
        if reference is None:
            raise SendError(Fault.UNKNOWN, "malformed-answer")
        return Accepted(reference)
    reason = said.get("error")
    if fault.fault is Fault.REFUSED and isinstance(reason, str) and reason in REFUSALS:
        raise SendError(REFUSALS[reason], reason)
    raise fault


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = read_json(body)
    except HookRefusedError:
        return {}
    return value if isinstance(value, dict) else {}
