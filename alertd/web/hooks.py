"""Inbound hooks: what gateways call, taken before the framework sees it.

A reply storm is the busiest thing that this server sees. A framework's request costs six times as
much as reading the bytes oneself, and its layers and routes alone as much as storing the reply.
The gateway is answered only after its events are on disk; what can't be stored now gets 503, so
that the gateway comes again.
"""

from collections.abc import Sequence
from typing import Final

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from alertd.errors import AlertdError
from alertd.web.deps import Deps
from channels.base import Channel, Event, Hook, HookRefusedError, HookRequest
from channels.out import RouteOut

_TEXT: Final = "text/plain; charset=utf-8"
_LONGEST_SIZE: Final = 18  # digits of a number that 64 bits hold
_RETRY: Final = ((b"retry-after", b"5"),)

log = structlog.get_logger("alertd.web.hooks")


class TooLargeBodyError(Exception):
    """The body is over the hook's bound."""


class GoneError(Exception):
    """The caller hung up before the body was whole."""


class HookApp:
    """One hook of one route."""

    def __init__(self, deps: Deps, route: str, hook: Hook) -> None:
        self.deps = deps
        self.route = route
        self.hook = hook

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI; the path has been checked."""
        if scope["method"] not in self.hook.methods:
            allowed = ", ".join(self.hook.methods).encode()
            await answer(send, 405, b"method-not-allowed", extra=[(b"allow", allowed)])
            return
        try:
            request = await self._request(scope, receive)
        except TooLargeBodyError:
            await answer(send, 413, b"body-too-large")
            return
        except GoneError:
            return  # nobody is there to be answered, and nothing was stored
        try:
            events, given = self.hook.read(request)
        except HookRefusedError as error:
            await answer(send, error.status, error.code.encode())
            return
        except Exception as error:  # noqa: BLE001 - a defect of ours; the gateway comes again
            await self._defect(send, "hook not read", error)
            return
        if await self._commit(send, events):
            await answer(send, given.status, given.body, given.content_type)

    async def _request(self, scope: Scope, receive: Receive) -> HookRequest:
        body = await read_body(scope, receive, self.hook.max_body_bytes)
        query = scope["query_string"]
        path: str = scope.get("raw_path", b"").decode("latin-1") or scope["path"]
        return HookRequest(
            method=scope["method"],
            target=f"{path}?{query.decode('latin-1')}" if query else path,
            headers={k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]},
            body=body,
        )

    async def _commit(self, send: Send, events: Sequence[Event]) -> bool:
        if not events:
            return True
        try:
            await self.deps.runner.sink(self.route, events)
        except AlertdError as error:
            await answer(send, 503, error.code.encode(), extra=_RETRY)
            return False
        except Exception as error:  # noqa: BLE001 - the same
            await self._defect(send, "hook not stored", error)
            return False
        return True

    async def _defect(self, send: Send, what: str, error: Exception) -> None:
        # Without the traceback: it could show a phone number.
        log.error(what, route=self.route, error=type(error).__name__)
        await answer(send, 503, b"not-stored", extra=_RETRY)


async def read_body(scope: Scope, receive: Receive, most: int) -> bytes:
    """Read a request's body within a bound.

    Raises:
        TooLargeBodyError: It is over the bound, or announces to be.
        GoneError: The caller hung up.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and _is_over(value.strip(), most):
            raise TooLargeBodyError
    pieces, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise GoneError
        piece = message.get("body", b"")
        size += len(piece)
        if size > most:
            raise TooLargeBodyError
        pieces.append(piece)
        more = message.get("more_body", False)
    return b"".join(pieces)


def _is_over(announced: bytes, most: int) -> bool:
    return announced.isdigit() and (len(announced) > _LONGEST_SIZE or int(announced) > most)


async def answer(
    send: Send,
    status: int,
    body: bytes,
    content_type: str = _TEXT,
    extra: Sequence[tuple[bytes, bytes]] = (),
) -> None:
    """Send a whole answer."""
    headers = [
        (b"content-type", content_type.encode("latin-1")),
        (b"content-length", str(len(body)).encode()),
        *extra,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Hooks:
    """Every hook that the channels declare, at `/hooks/{route}/{name}`; all else goes on to `app`.

    Args:
        app: What is behind it.
        deps: The channels, and the engine that takes what they bring.
    """

    def __init__(self, app: ASGIApp, deps: Deps) -> None:
        self.app = app
        self.deps = deps
        self.hooks: dict[str, HookApp] = {}
        for name, channel in deps.channels.items():
            self._mount(name, channel)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        hook = self._hook(scope["path"]) if scope["type"] == "http" else None
        await (hook or self.app)(scope, receive, send)

    def _hook(self, path: str) -> ASGIApp | None:
        if (hook := self.hooks.get(path)) is not None:
            return hook
        start, _, rest = path.partition("/hooks/")
        name = rest.partition("/")[0]
        channel = self.deps.channels.get(name) if not start else None
        if channel is None:
            return None
        if isinstance(channel, RouteOut):
            return _come_again
        self._mount(name, channel)  # it was out when we began
        return self.hooks.get(path)

    def _mount(self, name: str, channel: Channel) -> None:
        for hook in channel.hooks():
            self.hooks[f"/hooks/{name}/{hook.name}"] = HookApp(self.deps, name, hook)


async def _come_again(scope: Scope, receive: Receive, send: Send) -> None:
    """The gateway of a route that is out can't be told from anybody else: it keeps what it has."""
    del scope, receive
    await answer(send, 503, b"route-out", extra=_RETRY)
