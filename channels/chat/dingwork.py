"""Persons by DingTalk (钉钉) and its government editions (政务钉钉, 浙政钉): work notifications.

The address is the person's account: DingTalk's `userid`, the government edition's `accountId`.
"Taken" is `accepted` and no more. DingTalk tells later who has read it: that is `delivered` with
the detail `read`, and never an answer. Of the government edition no such call is published.

Options: `app_key`, `app_secret`; `agent_id` for DingTalk, or `tenant_id` for the government
edition, which needs `base_url` too; `poll_s` (15): how soon after it was sent a message is asked
about, then twice as long each time.
"""

import asyncio
import re
from functools import partial
from urllib.parse import quote, urlsplit

from alertd.i18n import N_
from channels import options
from channels.base import (
    Accepted,
    Fault,
    Health,
    Outgoing,
    RouteConfig,
    RouteContext,
    SendError,
)
from channels.chat import dingwork_wire as wire
from channels.chat.answers import dead, refused
from channels.chat.dingwork_reading import Reading
from channels.chat.parts import TooLongError, split
from channels.chat.robots import Dialect, Letter, RobotRoute
from channels.http_web import WebAnswer

_USER = re.compile(r"[A-Za-z0-9_.@$:=+-]{1,64}", re.ASCII)
_EARLY_S = 120.0  # before its end a token is taken for over
_NOT_LET_IN = N_("{service} doesn't let our application in: {code}.")


class DingWorkRoute(RobotRoute):
    """One application's notifications to one person each."""

    def __init__(self, config: RouteConfig, context: RouteContext) -> None:
        known = {"base_url", "app_key", "app_secret", "agent_id", "tenant_id", "poll_s"}
        options.only(config, frozenset(known))
        tenant = options.optional_text(config, "tenant_id") or ""
        super().__init__(config, context, _GOV if tenant else _DINGTALK)
        agent = 0 if tenant else options.whole(config, "agent_id", 0, range(1, 2**63))
        self._app = wire.Application(
            options.text(config, "app_key"), options.text(config, "app_secret"), agent, tenant
        )
        if tenant:
            options.text(config, "base_url")  # every province and ministry has its own
        poll_s = float(options.whole(config, "poll_s", 15, range(1, 3_601)))
        told = partial(context.sink, config.name)
        self._reading = Reading(self._result, told, context.now, poll_s)
        self._token = ("", 0.0)
        self._asking = asyncio.Lock()

    async def start(self) -> None:
        """Open the client, and begin to ask who has read."""
        await super().start()
        if not self._app.tenant:
            self._reading.start()

    async def close(self) -> None:
        """Ask no more; what wasn't read by then stays accepted."""
        await self._reading.stop()
        await super().close()

    async def health(self) -> Health:
        """Whether the platform is there, and lets our application in."""
        found = await super().health()
        if not found.ok or self._app.tenant:
            return found
        try:
            async with asyncio.timeout(1.0):
                await self._access()
        except TimeoutError:
            return found
        except SendError as error:
            words = _NOT_LET_IN.format(service=self._dialect.service, code=error.code)
            return Health(ok=False, detail=words)
        return found

    async def _send(self, message: Outgoing) -> Accepted:
        if not _USER.fullmatch(message.address):
            raise dead("bad-userid")
        try:
            parts = split(message.text, wire.MOST_BYTES)
        except TooLongError:
            raise refused("too-long") from None
        accepted = Accepted(None)
        for number, text in enumerate(parts, 1):
            ours = f"{message.delivery}-{message.attempt}-{number}"
            try:
                accepted = await self._notify(message.address, text, ours)
            except SendError:
                if number > 1:
                    raise SendError(Fault.UNKNOWN, "half-sent") from None
                raise
        if accepted.reference is not None and not self._app.tenant:
            self._reading.wait_for(message, int(accepted.reference))
        return accepted

    async def _notify(self, user: str, text: str, ours: str) -> Accepted:
        if self._app.tenant:
            now = self._clock.now()
            letter = wire.gov_letter(self._app, user, text, ours, now)
            return await self._post(wire.GOV_SEND, letter, now, ours)
        try:
            return await self._authorised(user, text, ours)
        except wire.TokenOverError:
            self._token = ("", 0.0)  # another process may have asked for a newer one
            return await self._authorised(user, text, ours)

    async def _authorised(self, user: str, text: str, ours: str) -> Accepted:
        letter = wire.letter(self._app, user, text, await self._access())
        return await self._post(wire.SEND, letter, self._clock.now(), ours)

    async def _post(self, path: str, letter: Letter, now: int, ours: str) -> Accepted:
        return await self._hand_over(urlsplit(f"{self._base_url}{path}"), letter, now, ours)

    async def _access(self) -> str:
        """The access token; a lost answer to this has handed nothing over."""
        loop = asyncio.get_running_loop()
        async with self._asking:
            token, until = self._token
            if loop.time() < until:
                return token
            key, secret = quote(self._app.key, safe=""), quote(self._app.secret, safe="")
            url = f"{self._base_url}/gettoken?appkey={key}&appsecret={secret}"
            try:
                answer = await self._ask("GET", url, {})
                self._clock.learn(answer.headers.get("date"))
                token, lasts_s = wire.token_of(answer, self._ours())
            except SendError as error:
                if error.fault is Fault.UNKNOWN:
                    raise SendError(Fault.RETRY, error.code) from None
                raise
            self._token = (token, loop.time() + lasts_s - _EARLY_S)
            return token

    async def _result(self, task: int) -> WebAnswer:
        url = f"{self._base_url}{wire.RESULT}?access_token={quote(await self._access(), safe='')}"
        body = f'{{"agent_id": {self._app.agent}, "task_id": {task}}}'.encode()
        return await self._ask("POST", url, {"content-type": "application/json"}, body)


_PATHS = re.compile(r"(?!)")  # an address is no URL here
_DINGTALK = Dialect(
    service="DingTalk",
    public_url="https://oapi.dingtalk.com",
    path=_PATHS,
    most_bytes=wire.MOST_BYTES,
    windows=(),
    letter=lambda _: Letter(body={}),
    judge=wire.judge,
)
_GOV = Dialect(
    service="政务钉钉",
    public_url="https://openplatform.dg-work.cn",
    path=_PATHS,
    most_bytes=wire.MOST_BYTES,
    windows=(),
    letter=lambda _: Letter(body={}),
    judge=wire.gov_judge,
)
