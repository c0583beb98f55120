"""A broker route's options, read; what is wrong is told by name and never by value."""

import shlex
import shutil
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from channels import options
from channels.base import RouteConfig
from channels.loudspeaker.accounts import Accounts
from channels.loudspeaker.address import BrokerAddress
from channels.loudspeaker.announcing import Announcer
from channels.loudspeaker.commands import SigningKey
from channels.loudspeaker.keys import load_key
from channels.loudspeaker.membership import Membership
from channels.loudspeaker.orders import Manner
from channels.loudspeaker.paho_client import Speaks
from channels.loudspeaker.speech.voice import Voice

_KNOWN = frozenset(
    {
        *("broker", "key_file", "volume", "repeat", "ca_file", "heartbeat_s", "missed"),
        *("audio", "audio_dir", "audio_url", "clips_dir", "speech_command"),
        *("mqtt", "areas", "area_grace_s", "accounts_dir"),
    }
)


_HEARTBEAT_S = 60
_MISSED = 3
_AREA_GRACE_S = 5  # a loudspeaker answers a command within a second


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """The options' values."""

    broker: BrokerAddress
    key: SigningKey
    manner: Manner
    tls: ssl.SSLContext | None = field(repr=False)  # None: the system's authorities
    silent_after_ms: int  # 0: never
    announcer: Announcer | None
    speaks: Speaks
    areas: Membership
    accounts: Accounts | None  # of the broker's folder
    area_grace_s: int


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
            volume=options.whole(config, "volume", Manner().volume, range(101)),
            repeat=options.whole(config, "repeat", Manner().repeat, range(1, 11)),
        ),
        tls=_tls(config),
        silent_after_ms=1000
        * options.whole(config, "heartbeat_s", _HEARTBEAT_S, range(3601))
        * options.whole(config, "missed", _MISSED, range(1, 101)),
        announcer=_announcer(config, public_base_url),
        speaks=_speaks(config),
        areas=_areas(config),
        accounts=_accounts(config),
        area_grace_s=options.whole(config, "area_grace_s", _AREA_GRACE_S, range(1, 61)),
    )


def _broker(config: RouteConfig) -> BrokerAddress:
    given = config.options.get("broker")
    if isinstance(given, BrokerAddress):  # bootstrap's, of the embedded one
        return given
    try:
        return BrokerAddress.from_url(options.text(config, "broker"))
    except ValueError:
        raise options.wrong(config, "broker", "must be an mqtt:// or mqtts:// URL") from None


def _speaks(config: RouteConfig) -> Speaks:
    try:
        return Speaks(options.text(config, "mqtt", Speaks.EITHER))
    except ValueError:
        what = f"must be one of {', '.join(Speaks)}"
        raise options.wrong(config, "mqtt", what) from None


def _areas(config: RouteConfig) -> Membership:
    """Nobody is told by area where that isn't wanted, or where nobody knows who is in one."""
    folder = options.optional_text(config, "accounts_dir")
    wanted = config.options.get("areas", True)
    if not isinstance(wanted, bool):
        raise options.wrong(config, "areas", "must be true or false")
    return Membership(Path(folder) if folder and wanted else None)


def _accounts(config: RouteConfig) -> Accounts | None:
    folder = options.optional_text(config, "accounts_dir")
    return Accounts(Path(folder)) if folder else None


def _announcer(config: RouteConfig, public_base_url: str) -> Announcer | None:
    wanted = config.options.get("audio", False)
    if not isinstance(wanted, bool):
        raise options.wrong(config, "audio", "must be true or false")
    program = _program(config)
    if not wanted:
        if program:
            raise options.wrong(config, "speech_command", "is of no use without audio = true")
        return None
    clips = options.optional_text(config, "clips_dir")
    given = config.options.get("audio_url") is not None
    base_url = options.url(config, "audio_url") if given else f"{public_base_url}/audio"
    return Announcer(
        Path(options.text(config, "audio_dir")),
        Voice(None if clips is None else Path(clips), program=program),
        base_url,
    )


def _program(config: RouteConfig) -> list[str]:
    given = options.optional_text(config, "speech_command")
    try:
        words = shlex.split(given or "")
    except ValueError:
        raise options.wrong(config, "speech_command", "has a quotation mark too few") from None
    if given and not (words and shutil.which(words[0])):
        raise options.wrong(config, "speech_command", "must begin with a program that is there")
    return words


def _tls(config: RouteConfig) -> ssl.SSLContext | None:
    ca_file = options.optional_text(config, "ca_file")
    try:
        return None if ca_file is None else ssl.create_default_context(cafile=ca_file)
    except OSError:
        raise options.wrong(config, "ca_file", "must be a file of PEM certificates") from None
