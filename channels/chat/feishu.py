"""Chat groups by Feishu (飞书, Lark) custom bots.

The address is the bot's webhook URL, `https://open.feishu.cn/open-apis/bot/v2/hook/…`, the secret
its signing secret; without one nothing is signed, and the bot must be secured by keyword or by our
address instead. Nobody can be mentioned: Feishu takes its own user ids only. From
https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot.

Options, all of them optional: `base_url` (`https://open.larksuite.com`, a private edition's, or a
proxy's), and what answers need, see `feishu_hooks`.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence

from channels import options
from channels.base import Accepted, Hook, RouteConfig, RouteContext, SendError
from channels.chat.answers import BotBusyError, SignatureError, dead, refused, require_zero
from channels.chat.feishu_hooks import HOOK_OPTIONS, configured_hook
from channels.chat.pace import Window
from channels.chat.robots import Dialect, Letter, RobotRoute, Sheet
from channels.http_web import WebAnswer

_BUSY_S = 60.0
_BAD_REQUEST = 9499
_TOO_FAST = 11232
_BAD_PARAMETER = 19001
_DISABLED = 19007
_SIGN_OR_TIME = 19021  # it doesn't say which
_MENTION = re.compile("<(?=/?at)", re.IGNORECASE)
_NOT_THIS = frozenset({_BAD_REQUEST, _BAD_PARAMETER, 19002, 19022, 19024})  # address, keywords


class FeishuRoute(RobotRoute):
    """Every group that has a bot."""

    def __init__(self, config: RouteConfig, context: RouteContext) -> None:
        options.only(config, HOOK_OPTIONS | {"base_url"})
        super().__init__(config, context, _DIALECT)
        self._hook = configured_hook(config)

    def hooks(self) -> Sequence[Hook]:
        """The application's events, where they are configured."""
        return (self._hook,) if self._hook else ()


def _letter(sheet: Sheet) -> Letter:
    # In its texts `<at user_id="all">` calls everybody, whoever's name or headline it stands in.
    text = _MENTION.sub("(", sheet.text)
    body: dict[str, object] = {"msg_type": "text", "content": {"text": text}}
    if sheet.secret:
        # Time and secret are the key here, and what is signed is empty.
        stamp = str(sheet.now_ms // 1000)
        digest = hmac.new(f"{stamp}\n{sheet.secret}".encode(), b"", hashlib.sha256).digest()
        body |= {"timestamp": stamp, "sign": base64.b64encode(digest).decode()}
    return Letter(body=body)


def _judge(answer: WebAnswer, now_ms: int) -> Accepted:
    require_zero(
        answer,
        service="feishu",
        code_fields=("code", "StatusCode"),  # the second is what it said until 2022
        words_field="msg",
        meaning=_meaning,
        now_ms=now_ms,
    )
    return Accepted(None, delivered=True)


def _meaning(code: int, words: str) -> SendError | None:
    name = f"feishu-{code}"
    if code == _TOO_FAST or (code == _BAD_REQUEST and "too many" in words.lower()):
        return BotBusyError(name, _BUSY_S)
    if code == _SIGN_OR_TIME:
        return SignatureError(name)
    if code == _DISABLED or (code == _BAD_PARAMETER and "token" in words):  # the URL's own token
        return dead(name)
    return refused(name) if code in _NOT_THIS else None


_DIALECT = Dialect(
    service="Feishu",
    public_url="https://open.feishu.cn",
    path=re.compile(r"/open-apis/bot/(v2/)?hook/[\w-]+"),
    most_bytes=8_000,  # 20 KB for the whole body, in which a character may take two
    windows=(Window(100, 60.0), Window(5, 1.0)),
    letter=_letter,
    judge=_judge,
)
