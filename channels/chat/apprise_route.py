"""The long tail of chat services by apprise: Telegram, Matrix, Discord, ntfy and a hundred more.

A group's address is an apprise URL, such as `tgram://TOKEN/CHAT`; one given as its secret wins. No
options.

Everything that it says is a yes or a no. Its yes is believed as far as "accepted, unverified",
since it reads no bodies of answers; its no tells neither why nor whether something left, and is
UNKNOWN. For WeCom, DingTalk and Feishu it says yes to error bodies: their URLs are refused, and the
code names our own type.
"""

import asyncio
import logging
import warnings
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import apprise

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

_OURS = {"wecombot": "wecom", "dingtalk": "dingtalk", "feishu": "feishu", "lark": "feishu"}
_ASSET = apprise.AppriseAsset(app_id="alertd", async_mode=False, secure_logging=True)
# Both write URLs into the log, and a URL is an address.
_TALKERS = ("apprise", "urllib3")


class AppriseRoute:
    """Every group whose service apprise knows."""

    kind = ChannelKind.CHAT

    def __init__(self, config: RouteConfig, context: RouteContext) -> None:  # noqa: ARG002 - every route gets it
        options.only(config, frozenset())
        self.config = config
        self._threads: ThreadPoolExecutor | None = None
        self._under_way = UnderWay()

    async def start(self) -> None:
        """Make room for threads; apprise can't do without."""
        for name in _TALKERS:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        _load()
        self._threads = ThreadPoolExecutor(self.config.limits.in_flight, "apprise")

    async def close(self) -> None:
        """End the tries in flight as UNKNOWN; their threads end by their own time-outs."""
        threads, self._threads = self._threads, None
        await self._under_way.end()
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)

    def send_many(self, messages: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        """Hand over; an Outcome a message."""
        return each(messages, self._send, self.config.limits.timeout_s, self._under_way)

    async def _send(self, message: Outgoing) -> Accepted:
        if self._threads is None:
            raise SendError(Fault.RETRY, "route-closed")
        service = _service(message.secret or message.address)
        service.socket_connect_timeout = self.config.limits.timeout_s / 2
        service.socket_read_timeout = self.config.limits.timeout_s
        loop = asyncio.get_running_loop()
        if not await loop.run_in_executor(self._threads, _notify, service, message.text):
            raise SendError(Fault.UNKNOWN, "apprise-no")
        return Accepted(None)

    def hooks(self) -> Sequence[Hook]:
        """None: groups are only told."""
        return ()

    async def health(self) -> Health:
        """There is no one gateway to ask, and nothing that it says is more than a yes."""
        if self._threads is None:
            return Health(ok=False, detail=N_("The route is closed."))
        return Health(ok=True, detail=N_("The route is open; what it accepts is unverified."))


def _service(url: str) -> apprise.NotifyBase:
    """The service that a URL stands for.

    Raises:
        SendError: None, or one for which we have a type of our own.
    """
    service = apprise.Apprise.instantiate(url, asset=_ASSET, suppress_exceptions=True)
    if not isinstance(service, apprise.NotifyBase):
        raise SendError(Fault.DEAD, "bad-url")
    ours = _OURS.get(str(service.secure_protocol))
    if ours is not None:
        raise SendError(Fault.REFUSED, f"use-type-{ours}")
    service.overflow_mode = apprise.OverflowMode.SPLIT
    return service


def _notify(service: apprise.NotifyBase, text: str) -> bool:
    sender = apprise.Apprise(asset=_ASSET)
    sender.add(service)
    return bool(sender.notify(body=text, body_format=apprise.NotifyFormat.TEXT))


def _load() -> None:
    """Have apprise import its services now: half a second in which nothing else runs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # one of them imports `imghdr`
        apprise.Apprise.instantiate("json://127.0.0.1", asset=_ASSET)
