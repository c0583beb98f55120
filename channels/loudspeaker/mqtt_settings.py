"""A broker route's options, read; what is wrong is told by name and never by value."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from channels import options
from channels.base import RouteConfig
from channels.loudspeaker.address import BrokerAddress
from channels.loudspeaker.announcing import Announcer
from channels.loudspeaker.commands import SigningKey
from channels.loudspeaker.keys import load_key
from channels.loudspeaker.orders import Manner

_KNOWN = frozenset(
    {
        *("broker", "key_file", "volume", "repeat", "ca_file", "heartbeat_s", "missed"),
        *("audio", "audio_dir", "audio_url", "clips_dir"),
    }
)


_HEARTBEAT_S = 60
_MISSED = 3


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """The options' values."""

    broker: BrokerAddress
    key: SigningKey
    manner: Manner
    tls: ssl.SSLContext | None = field(repr=False)  # None: the system's authorities
    silent_after_ms: int  # 0: never
    announcer: Announcer | None


def read_settings(config: RouteConfig, public_base_url: str) -> MqttSettings:
    """Read them; the key's file must be there. Sounds are offered under `public_base_url`.

    Raises:
        NotConfiguredError: One is missing, unknown or wrong.
    """
    options.only(config, _KNOWN)
    return MqttSettings(
        broker=_broker(config),
        key=load_key(Path(options.text(config, "key_file"))),
        manner=Manner(
            volume=_whole(config, "volume", Manner().volume, range(101)),
            repeat=_whole(config, "repeat", Manner().repeat, range(1, 11)),
        ),
        tls=_tls(config),
        silent_after_ms=1000
        * _whole(config, "heartbeat_s", _HEARTBEAT_S, range(3601))
        * _whole(config, "missed", _MISSED, range(1, 101)),
        announcer=_announcer(config, public_base_url),
    )


def _broker(config: RouteConfig) -> BrokerAddress:
    try:
        return BrokerAddress.from_url(options.text(config, "broker"))
    except ValueError:
        raise options.wrong(config, "broker", "must be an mqtt:// or mqtts:// URL") from None


def _announcer(config: RouteConfig, public_base_url: str) -> Announcer | None:
    wanted = config.options.get("audio", False)
    if not isinstance(wanted, bool):
        raise options.wrong(config, "audio", "must be true or false")
    if not wanted:
        return None
    clips = options.optional_text(config, "clips_dir")
    given = config.options.get("audio_url") is not None
    base_url = options.url(config, "audio_url") if given else f"{public_base_url}/audio"
    return Announcer(
        Path(options.text(config, "audio_dir")),
        None if clips is None else Path(clips),
        base_url,
    )


def _tls(config: RouteConfig) -> ssl.SSLContext | None:
    ca_file = options.optional_text(config, "ca_file")
    try:
        return None if ca_file is None else ssl.create_default_context(cafile=ca_file)
    except OSError:
        raise options.wrong(config, "ca_file", "must be a file of PEM certificates") from None


def _whole(config: RouteConfig, option: str, default: int, within: range) -> int:
    value = config.options.get(option, default)
    if type(value) is not int or value not in within:
        what = f"must be a whole number from {within[0]} to {within[-1]}"
        raise options.wrong(config, option, what)
    return value
