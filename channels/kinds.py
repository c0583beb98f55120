"""What kind of way out a route is, by its type alone."""

from alertd.errors import NotConfiguredError
from channels.base import ChannelKind, RouteConfig
from channels.described.description import load


def kind_of(config: RouteConfig) -> ChannelKind:
    """What kind of way out a route is, without building it.

    Raises:
        NotConfiguredError: The description of a described gateway is missing or wrong.
    """
    if config.type == "http":
        return ChannelKind(load(config).channel)
    return _KINDS.get(config.type, ChannelKind.CHAT)


def kinds_of(config: RouteConfig) -> tuple[ChannelKind, ...]:
    """The same where the description can't be read: what it may be, the likeliest first."""
    try:
        return (kind_of(config),)
    except (NotConfiguredError, OSError, ValueError):  # of a path, too, that can be none
        return (ChannelKind.SMS, ChannelKind.VOICE)


_KINDS = {
    "by-hand": ChannelKind.VOICE,
    "handsets": ChannelKind.SMS,
    "mail": ChannelKind.MAIL,
    "modems": ChannelKind.SMS,
    "mqtt": ChannelKind.LOUDSPEAKER,
    "poster": ChannelKind.PAPER,
    "smpp": ChannelKind.SMS,
    "twilio": ChannelKind.SMS,
    "twilio-voice": ChannelKind.VOICE,
}
