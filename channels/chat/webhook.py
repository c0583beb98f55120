"""Chat groups by a generic webhook: signed JSON, POSTed to the group's own URL.

The signature is Standard Webhooks': headers `webhook-id`, `webhook-timestamp`,
`webhook-signature`. The group's secret signs: `whsec_` and base64 as that standard has it, any
other text by its UTF-8 bytes. The id stays the same over repeated tries of one delivery, so that a
receiver can leave repetitions out; the body says which try it is. 2xx means that the group's
receiver has it, unless a page for people answers (a portal's, a proxy's, a site's at a wrong path):
behind that there may be no receiver. A chat platform's own address is refused, by the type that is
for it: its 200 may be an error. No options.
"""

import binascii
import json
import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import httpx
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

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
from channels.http_faults import LostAnswerError, NotSentError, fault_of_status, retry_after
from channels.http_web import BadUrlError, WebAnswer, WebClient

_OPEN = N_("The route is open; receivers are known by their answers.")
_GONE = 410
_MAX_BODY_BYTES = 4 * 1024  # of its beginning nothing more is asked than whether it is a page
_BODY_TIMEOUT_S = 1.0  # the status has said it all
_HOST = re.compile(rb"[A-Za-z0-9._:-]+")  # a name in its ASCII form, or an IP address
_PAGE = re.compile(rb"(?i)(\xef\xbb\xbf)?\s*(<!doctype\s+html|<html)")
_PREFIX = "whsec_"
_PLATFORMS = {
    "qyapi.weixin.qq.com": "wecom",
    "oapi.dingtalk.com": "dingtalk",
    "open.feishu.cn": "feishu",
    "open.larksuite.com": "feishu",
    "hooks.slack.com": "slack",
}


class WebhookRoute:
    """Every group that has a URL and a secret of its own."""

    kind = ChannelKind.CHAT

    def __init__(self, config: RouteConfig, context: RouteContext) -> None:
        options.only(config, frozenset())
        self.config = config
        self._now = context.now
        self._client: WebClient | None = None
        self._under_way = UnderWay()

    async def start(self) -> None:
        """Open the client; connections come with the first messages."""
        limits = self.config.limits
        self._client = WebClient(
            connections=limits.in_flight, connect_timeout_s=min(5.0, limits.timeout_s / 2)
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
        if self._client is None:
            raise SendError(Fault.RETRY, "route-closed")
        request = _request(message, self._now())
        # `from None`: these errors' own texts hold the host, which is part of an address.
        try:
            answer = await self._client.send(
                request, max_body_bytes=_MAX_BODY_BYTES, body_timeout_s=_BODY_TIMEOUT_S
            )
        except BadUrlError:
            raise SendError(Fault.DEAD, "bad-url") from None
        except NotSentError:
            raise SendError(Fault.RETRY, "no-connection") from None
        except LostAnswerError as error:
            raise SendError(Fault.UNKNOWN, error.code) from None
        return _judge(answer, self._now())

    def hooks(self) -> Sequence[Hook]:
        """None: groups are only told."""
        return ()

    async def health(self) -> Health:
        """There is no one gateway to ask: each group has its own receiver."""
        if self._client is None:
            return Health(ok=False, detail=N_("The route is closed."))
        return Health(ok=True, detail=_OPEN)


def _judge(answer: WebAnswer, now_ms: int) -> Accepted:
    fault = fault_of_status(answer.status, retry_after(answer.headers.get("retry-after"), now_ms))
    if fault is None and _PAGE.match(answer.body):
        raise SendError(Fault.UNKNOWN, "answered-by-a-page")
    if fault is None:
        return Accepted(None, delivered=True)
    if answer.status == _GONE:  # Standard Webhooks: the endpoint wants no more, ever
        raise SendError(Fault.DEAD, fault.code)
    if fault.fault is Fault.THROTTLED:  # one group's receiver; the others' have said nothing
        raise SendError(Fault.BUSY, fault.code, retry_after_s=fault.retry_after_s)
    raise fault


def _request(message: Outgoing, now_ms: int) -> httpx.Request:
    signer = _signer(message.secret)
    webhook_id = f"{message.alert}-{message.delivery}"
    at = datetime.fromtimestamp(now_ms // 1000, UTC)
    body = _body(message, at)
    headers = {
        "content-type": "application/json",
        "accept-encoding": "identity",
        "user-agent": "alertd",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(now_ms // 1000),
        "webhook-signature": signer.sign(webhook_id, at, body),
    }
    try:
        url = httpx.URL(message.address)
    except (httpx.InvalidURL, ValueError):
        raise SendError(Fault.DEAD, "bad-url") from None
    if url.scheme not in {"http", "https"} or not _HOST.fullmatch(url.raw_host):
        raise SendError(Fault.DEAD, "bad-url")
    if platform := _PLATFORMS.get(url.host):
        raise SendError(Fault.REFUSED, f"use-type-{platform}")
    return httpx.Request("POST", url, headers=headers, content=body.encode())


def _signer(secret: str | None) -> Webhook:
    """A group without a secret gets nothing: an unsigned alert teaches it to believe anybody."""
    if not secret:
        raise SendError(Fault.REFUSED, "no-secret")
    try:
        return Webhook(secret if secret.startswith(_PREFIX) else secret.encode())
    except (binascii.Error, EmptyWebhookSecretError, ValueError):
        raise SendError(Fault.REFUSED, "bad-secret") from None


def _body(message: Outgoing, at: datetime) -> str:
    data = {
        "delivery": message.delivery,
        "attempt": message.attempt,
        "possible_duplicate": message.possible_duplicate,
        "alert": message.alert,
        "short_code": message.short_code,
        "kind": message.kind,
        "status": message.status,
        "severity": message.severity,
        "language": message.language,
        "text": message.text,
        "created_at": message.created_at,
        "expires_at": message.expires_at,
    }
    event = {"type": f"alertd.{message.kind}", "timestamp": at.isoformat(), "data": data}
    return json.dumps(event, ensure_ascii=False)
