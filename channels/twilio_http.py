"""Twilio's library over our HTTP client."""

import base64
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from twilio.http import AsyncHttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]

from channels.base import Fault, SendError
from channels.http_faults import (
    LostAnswerError,
    NotSentError,
    fault_of_exchange,
    fault_of_status,
    retry_after,
)
from channels.http_web import BadUrlError, WebClient

_MAX_BODY_BYTES = 64 * 1024
_MAX_LIST_BYTES = 1024 * 1024  # twenty messages of 1,600 characters, each character six bytes


class TwilioHttpClient(AsyncHttpClient):  # type: ignore[misc]  # it has no types
    """Twilio's way to the network: its own async client ignores timeouts and logs what it sends.

    Where no Twilio code can be had, it raises the SendError itself, through the library.

    Args:
        web: What carries the requests.
        now: Milliseconds since the epoch.
        timeout_s: For an answer's body; the whole is the caller's to bound.
    """

    def __init__(self, web: WebClient, now: Callable[[], int], timeout_s: float) -> None:
        super().__init__(logging.getLogger(__name__), is_async=True, timeout=timeout_s)
        self.web = web
        self._now = now
        self._timeout_s = timeout_s

    async def request(
        self,
        method: str,
        uri: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - the library's signature
        allow_redirects: bool = False,  # noqa: ARG002 - the same; none is followed
    ) -> Response:
        """Send one request for the library."""
        login = base64.b64encode(":".join(auth or ("", "")).encode()).decode()
        request = httpx.Request(
            method,
            uri,
            params=params or None,
            data=data or None,
            headers={
                **(headers or {}),
                "authorization": f"Basic {login}",
                "accept-encoding": "identity",
            },
        )
        try:
            answer = await self.web.send(
                request,
                max_body_bytes=_MAX_LIST_BYTES if method == "GET" else _MAX_BODY_BYTES,
                body_timeout_s=self._timeout_s,
            )
        except BadUrlError:
            raise SendError(Fault.RETRY, "bad-url") from None
        except (NotSentError, LostAnswerError) as error:
            raise fault_of_exchange(error) from None
        wait_s = retry_after(answer.headers.get("retry-after"), self._now())
        fault = fault_of_status(answer.status, wait_s)
        text = answer.body.decode("utf-8", "replace")
        if fault is not None and _names_a_message(text):
            raise SendError(Fault.UNKNOWN, "contradictory-answer")
        if fault is not None and fault.fault is not Fault.REFUSED:
            raise fault
        return Response(answer.status, text, answer.headers)


def _names_a_message(body: str) -> bool:
    """Whether an answer holds a message's id: then it was made, whatever the status says."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and bool(found.get("sid"))
