"""Chat groups by incoming webhooks as Slack has them; Mattermost and Rocket.Chat have them, too.

The address is the webhook's URL; there is no secret beside it. Nobody can be mentioned: phone
numbers mean nothing there. From https://api.slack.com/messaging/webhooks.

One option: `base_url`, the server of Mattermost or Rocket.Chat, or a proxy's.
"""

import re

from channels import options
from channels.base import Accepted, Fault, RouteConfig, RouteContext, SendError
from channels.chat.answers import dead, fault_of_answer, is_success, json_object, refused
from channels.chat.pace import Window
from channels.chat.robots import Dialect, Letter, RobotRoute, Sheet
from channels.http_web import WebAnswer

# Slack puts its reason into the body, in one word; the status alone doesn't tell these apart.
_GONE = frozenset({"no_service", "no_service_id", "no_team", "no_active_hooks", "invalid_token"})
_GROUP_GONE = frozenset({"channel_not_found", "channel_is_archived"})
_SERVER_ERRORS = 500
_EVERYBODY = re.compile(r"(?<![A-Za-z0-9._-])@(?=(?:all|channel|here|everyone)\b)", re.IGNORECASE)


class SlackRoute(RobotRoute):
    """Every channel that has a webhook."""

    def __init__(self, config: RouteConfig, context: RouteContext) -> None:
        options.only(config, frozenset({"base_url"}))
        super().__init__(config, context, _DIALECT)


def _letter(sheet: Sheet) -> Letter:
    # Mattermost and Rocket.Chat call everybody by a word, whoever's name or headline has it.
    text = _EVERYBODY.sub("＠", sheet.text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return Letter(body={"text": text, "mrkdwn": False})


def _judge(answer: WebAnswer, now_ms: int) -> Accepted:
    found = json_object(answer.body)
    word = answer.body[:64].decode("ascii", "replace").strip()
    taken = word == "ok" or found.get("success") is True or found.get("ok") is True
    fault = fault_of_answer(answer, now_ms)
    if is_success(answer):
        if taken:
            # A workflow was started, and what it does with the text is its own: no arrival.
            return Accepted(None, delivered=found.get("ok") is not True)
        if found.get("success") is False or found.get("ok") is False:
            raise refused("slack-not-ok")
        raise SendError(Fault.UNKNOWN, "malformed-answer")
    if taken:
        raise SendError(Fault.UNKNOWN, "contradictory-answer")
    if answer.status < _SERVER_ERRORS and (word in _GONE or word in _GROUP_GONE):
        raise dead(f"slack-{word}")
    raise fault or SendError(Fault.UNKNOWN, "malformed-answer")


_DIALECT = Dialect(
    service="Slack",
    public_url="https://hooks.slack.com",
    path=re.compile(r"/(services|workflows|triggers|hooks)/[\w/.-]+"),
    most_bytes=4_000,  # 4,000 characters before Slack cuts or splits by itself
    windows=(Window(5, 5.0),),  # "one a second, short bursts allowed"
    letter=_letter,
    judge=_judge,
)
