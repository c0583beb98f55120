"""The route types: a name in the settings, and the class that it builds.

Only here is a gateway's file imported, and only when a route of its type is configured: a library
such as Twilio's costs memory that a town without it needn't spend.
"""

from collections.abc import Callable

from alertd.errors import NotConfiguredError
from channels.base import Channel, RouteConfig, RouteContext

# Types whose own limits, or numbers, one process must keep: several workers can't divide them.
UNDIVIDED = frozenset({"dingtalk", "feishu", "modems", "mqtt", "slack", "wecom"})

# Types with one session at a gateway, from which two processes would throw each other out.
UNSHARED = frozenset({"mqtt"})


def build(config: RouteConfig, context: RouteContext) -> Channel:
    """Make the route that `config` describes; it isn't started yet.

    Raises:
        NotConfiguredError: The type is unknown, or an option is missing or wrong.
    """
    factory = _FACTORIES.get(config.type)
    if factory is None:
        raise NotConfiguredError(
            f"Route '{config.name}': there is no route type '{config.type}'.",
            field=f"routes.{config.name}.type",
            hint=f"Use one of: {', '.join(known_types())}.",
        )
    return factory(config, context)


def known_types() -> tuple[str, ...]:
    """Every type that `build` knows, sorted."""
    return tuple(sorted(_FACTORIES))


def _handsets(config: RouteConfig, context: RouteContext) -> Channel:
    from channels.sms.handsets import HandsetsRoute  # noqa: PLC0415 - only where configured

    return HandsetsRoute(config, context)


def _smpp(config: RouteConfig, context: RouteContext) -> Channel:
    from channels.sms.smpp import SmppRoute  # noqa: PLC0415 - only where configured

    return SmppRoute(config, context)


def _twilio(config: RouteConfig, context: RouteContext) -> Channel:
    from channels.sms.twilio import TwilioRoute  # noqa: PLC0415 - only where configured

    return TwilioRoute(config, context)


def _twilio_voice(config: RouteConfig, context: RouteContext) -> Channel:
    from channels.voice.twilio_voice import TwilioVoiceRoute  # noqa: PLC0415 - only where configured

    return TwilioVoiceRoute(config, context)


def _modems(config: RouteConfig, context: RouteContext) -> Channel:
    from channels.sms.modems import ModemsRoute  # noqa: PLC0415 - only where configured

    return ModemsRoute(config, context)


def _mqtt(config: RouteConfig, context: RouteContext) -> Channel:
    from channels.loudspeaker.mqtt import MqttRoute  # noqa: PLC0415 - only where configured

    return MqttRoute(config, context)


def _mail(config: RouteConfig, context: RouteContext) -> Channel:
    from channels.mail.smtp import MailRoute  # noqa: PLC0415 - only where configured

    return MailRoute(config, context)


def _poster(config: RouteConfig, context: RouteContext) -> Channel:
    from channels.paper.poster import PosterRoute  # noqa: PLC0415 - only where configured

    return PosterRoute(config, context)


def _webhook(config: RouteConfig, context: RouteContext) -> Channel:
    from channels.chat.webhook import WebhookRoute  # noqa: PLC0415 - only where configured

    return WebhookRoute(config, context)


def _apprise(config: RouteConfig, context: RouteContext) -> Channel:
    try:
        from channels.chat.apprise_route import AppriseRoute  # noqa: PLC0415 - only where configured
    except ImportError as error:
        raise NotConfiguredError(
            f"Route '{config.name}': the library apprise isn't installed.",
            field=f"routes.{config.name}.type",
            hint="Install apprise into alertd's environment, or use a type of our own.",
        ) from error
    return AppriseRoute(config, context)


def _wecom(config: RouteConfig, context: RouteContext) -> Channel:
    from channels.chat.wecom import WeComRoute  # noqa: PLC0415 - only where configured

    return WeComRoute(config, context)


def _dingtalk(config: RouteConfig, context: RouteContext) -> Channel:
    from channels.chat.dingtalk import DingTalkRoute  # noqa: PLC0415 - only where configured

    return DingTalkRoute(config, context)


def _dingwork(config: RouteConfig, context: RouteContext) -> Channel:
    from channels.chat.dingwork import DingWorkRoute  # noqa: PLC0415 - only where configured

    return DingWorkRoute(config, context)


def _feishu(config: RouteConfig, context: RouteContext) -> Channel:
    from channels.chat.feishu import FeishuRoute  # noqa: PLC0415 - only where configured

    return FeishuRoute(config, context)


def _onebot(config: RouteConfig, context: RouteContext) -> Channel:
    from channels.chat.onebot import OneBotRoute  # noqa: PLC0415 - only where configured

    return OneBotRoute(config, context)


def _slack(config: RouteConfig, context: RouteContext) -> Channel:
    from channels.chat.slack import SlackRoute  # noqa: PLC0415 - only where configured

    return SlackRoute(config, context)


def _http(config: RouteConfig, context: RouteContext) -> Channel:
    from channels.described.http import HttpRoute  # noqa: PLC0415 - only where configured

    return HttpRoute(config, context)


def _by_hand(config: RouteConfig, context: RouteContext) -> Channel:
    from channels.voice.by_hand import ByHandRoute  # noqa: PLC0415 - only where configured

    return ByHandRoute(config, context)


_FACTORIES: dict[str, Callable[[RouteConfig, RouteContext], Channel]] = {
    "apprise": _apprise,
    "by-hand": _by_hand,
    "dingtalk": _dingtalk,
    "dingwork": _dingwork,
    "feishu": _feishu,
    "handsets": _handsets,
    "http": _http,
    "mail": _mail,
    "modems": _modems,
    "mqtt": _mqtt,
    "onebot": _onebot,
    "poster": _poster,
    "slack": _slack,
    "smpp": _smpp,
    "twilio": _twilio,
    "twilio-voice": _twilio_voice,
    "webhook": _webhook,
    "wecom": _wecom,
}
