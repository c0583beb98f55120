"""Lanes: the queues in which deliveries wait.

A lane is one small number of three parts: on which service (of chat groups: whose robots take
what the others don't), by which channel, and with which CAP status a message travels. A route
serves the lanes of its own channel and service that carry what it may carry.
"""

from collections.abc import Mapping
from enum import IntEnum

from alertd.model import Channel, Status

_SERVICE, _CHANNEL = 1_000, 10


class Service(IntEnum):
    """Whose robots a chat group listens to; every other channel has only the first."""

    WEBHOOK = 0
    WECOM = 1
    DINGTALK = 2
    FEISHU = 3
    ONEBOT = 4
    SLACK = 5
    APPRISE = 6
    DINGWORK = 7  # a person's account and not a group

    @property
    def word(self) -> str:
        """The service's name: a kind of group in rosters, and the type of the routes to it."""
        return self.name.lower()


def lane_of(channel: Channel, status: Status, service: Service = Service.WEBHOOK) -> int:
    """The lane of a message."""
    return int(service) * _SERVICE + int(channel) * _CHANNEL + int(status)


def channel_of(lane: int) -> int:
    """The number of a lane's channel."""
    return lane % _SERVICE // _CHANNEL


def status_of(lane: int) -> int:
    """The number of the CAP status that travels in a lane."""
    return lane % _CHANNEL


BY_SMS = tuple(lane_of(Channel.SMS, status) for status in Status)


def services_of(channel: Channel) -> tuple[Service, ...]:
    """Whose robots there are on a channel."""
    return tuple(Service) if channel is Channel.CHAT else (Service.WEBHOOK,)


def service_of(route_type: str) -> Service:
    """Whose groups a route of that type reaches."""
    return Service.__members__.get(route_type.upper(), Service.WEBHOOK)


def way_of_group(kind: str) -> tuple[Channel, Service]:
    """By which channel and service a group of that kind (a roster's word) is reached."""
    return _WAYS[kind]


_WAYS: Mapping[str, tuple[Channel, Service]] = {
    **{service.word: (Channel.CHAT, service) for service in Service},
    "mail": (Channel.MAIL, Service.WEBHOOK),
    "poster": (Channel.PAPER, Service.WEBHOOK),
}
GROUP_KINDS: tuple[str, ...] = tuple(_WAYS)
