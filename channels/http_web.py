"""httpx's requests and answers over aiohttp's connections, for gateways out on the web.

httpx's own pool is quadratic in what is in flight (STACK.md); over this transport it isn't. The
transport is called without httpx's client: that logs every URL, and a webhook's URL is an address.
"""

import asyncio
from dataclasses import dataclass

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from channels.http_faults import LostAnswerError, NotSentError
from channels.tls import trust

# The causes that prove that nothing left: DNS, TCP or TLS failed. They must be asked for by the
# cause, since httpx-aiohttp calls a connection lost in mid-answer ConnectTimeout as well.
_NEVER_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class BadUrlError(Exception):
    """The URL isn't one that can be called."""


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """What came back; `body` holds no more than was asked for, and may be cut short."""

    status: int
    headers: httpx.Headers
    body: bytes


class WebClient:
    """A connection a request, to any number of hosts; no redirects, no cookies, no proxies.

    HTTP/1.1 doesn't say which request an answer is for. On a connection that is used again, an
    answer that comes twice or late would be taken for the next message's, which nobody may have.

    Args:
        connections: The most that are open at once.
        connect_timeout_s: For DNS, TCP and TLS, or for a free connection.
    """

    def __init__(self, *, connections: int, connect_timeout_s: float) -> None:
        self._connections = connections
        self._timeout = {"connect": connect_timeout_s, "pool": connect_timeout_s}
        self._tls = trust()
        self._transport = AiohttpTransport(self._tls, client=self._session)

    def _session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=self._connections, ssl=self._tls, force_close=True)
        return aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
        )

    async def send(
        self, request: httpx.Request, *, max_body_bytes: int, body_timeout_s: float
    ) -> WebAnswer:
        """Send and wait for the status, however long: that is the caller's to bound.

        The body is read up to its bounds in size and time; what came by then is given.

        Raises:
            BadUrlError: The URL can't be called; nothing left.
            NotSentError: Nothing left.
            LostAnswerError: Nobody can tell.
        """
        request.extensions["timeout"] = self._timeout
        try:
            response = await self._transport.handle_async_request(request)
        except (httpx.UnsupportedProtocol, UnicodeError) as error:
            raise BadUrlError from error
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            if isinstance(error.__cause__ or error, _NEVER_CONNECTED):
                raise NotSentError("no connection") from error
            raise LostAnswerError(_code(error)) from error
        body = await _body(response, max_body_bytes, body_timeout_s)
        return WebAnswer(response.status_code, response.headers, body)

    async def close(self) -> None:
        """Close every connection."""
        await self._transport.aclose()


async def _body(response: httpx.Response, max_body_bytes: int, timeout_s: float) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) >= max_body_bytes:
                    break
    except (httpx.HTTPError, aiohttp.ClientError, OSError, TimeoutError):
        pass  # the status is known, and the caller judges what body there is
    finally:
        await response.aclose()
    return bytes(body[:max_body_bytes])


def _code(error: Exception) -> str:
    if isinstance(error.__cause__ or error, aiohttp.ClientResponseError):
        return "malformed-answer"
    return "connection-lost"
