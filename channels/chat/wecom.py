"""Chat groups by WeCom (企业微信) group robots.

The address is the robot's webhook URL, `https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=…`;
there is no secret beside it. From https://developer.work.weixin.qq.com/document/path/91770.

Options, all of them optional: `base_url` (a private edition's server, or a proxy's); `markdown =
true` sends messages that mention nobody as WeCom's markdown, of 4,096 bytes in place of 2,048;
and what the application's callback needs, see `wecom_hooks`.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from channels import options
from channels.base import Accepted, Hook, RouteConfig, RouteContext, SendError
from channels.chat.answers import BotBusyError, dead, refused, require_zero
from channels.chat.pace import Window
from channels.chat.robots import Dialect, Letter, RobotRoute, Sheet
from channels.chat.wecom_hooks import CALLBACK_OPTIONS, callback_hook
from channels.http_web import WebAnswer

_KNOWN = CALLBACK_OPTIONS | {"base_url", "markdown"}
_MINUTE_S = 60.0


class WeComRoute(RobotRoute):
    """Every group that has a robot."""

    def __init__(self, config: RouteConfig, context: RouteContext) -> None:
        options.only(config, _KNOWN)
        markdown = options.flag(config, "markdown")
        # WeCom's markdown can't mention by number.
        super().__init__(config, context, _MARKDOWN if markdown else _TEXT, mentioning=_TEXT)
        self._hook = callback_hook(config)

    def hooks(self) -> Sequence[Hook]:
        """The application's callback, where it is configured."""
        return (self._hook,) if self._hook else ()


def _text_letter(sheet: Sheet) -> Letter:
    text: dict[str, object] = {"content": sheet.text}
    if sheet.mobiles:
        text["mentioned_mobile_list"] = list(sheet.mobiles)
    return Letter(body={"msgtype": "text", "text": text})


def _markdown_letter(sheet: Sheet) -> Letter:
    # `<@account>` mentions, whoever's name or headline it stands in.
    content = sheet.text.replace("<@", "(@")
    return Letter(body={"msgtype": "markdown", "markdown": {"content": content}})


def _judge(answer: WebAnswer, now_ms: int) -> Accepted:
    require_zero(
        answer,
        service="wecom",
        code_fields=("errcode",),
        words_field="errmsg",
        meaning=_meaning,
        now_ms=now_ms,
    )
    return Accepted(None, delivered=True)


def _meaning(code: int, _words: str) -> SendError | None:
    name = f"wecom-{code}"
    match code:
        case 45009:  # api freq out of limit: 20 messages a minute
            return BotBusyError(name, _MINUTE_S)
        case 93000:  # invalid webhook url: the robot was taken out of its group
            return dead(name)
        case 40008 | 40058 | 44004 | 45002:  # message type, parameter, empty, too long
            return refused(name)
    return None  # -1 too, "system busy": nobody says whether before or after


_TEXT = Dialect(
    service="WeCom",
    public_url="https://qyapi.weixin.qq.com",
    path=re.compile(r"/cgi-bin/webhook/send"),
    most_bytes=2_048,
    windows=(Window(20, _MINUTE_S),),
    letter=_text_letter,
    judge=_judge,
)
_MARKDOWN = replace(_TEXT, most_bytes=4_096, letter=_markdown_letter)
