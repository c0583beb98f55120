"""An SMPP route's options, read; what is wrong is told by name and never by value."""

import ssl
from dataclasses import dataclass, field

import phonenumbers

from channels import options
from channels.base import RouteConfig
from channels.sms.smpp_pdus import LONGEST_ADDRESS
from channels.tls import trust

_KNOWN = frozenset(
    {"host", "port", "system_id", "password", "system_type", "tls", "ca_file", "window"}
    | {"enquire_link_s", "source", "source_ton", "source_npi", "dest_ton", "dest_npi"}
    | {"region", "national_numbers", "validity", "reference_tlv"}
)
_OCTET = range(256)
_VENDORS_OWN = range(0x1400, 0x4000)  # SMPP 3.4, 5.3.2


@dataclass(frozen=True, slots=True)
class SmppSettings:
    """The options' values."""

    host: str
    port: int
    system_id: str
    password: str = field(repr=False)
    system_type: str
    tls: ssl.SSLContext | None = field(repr=False)
    window: int  # the most submits without an answer
    enquire_link_s: int  # after so much silence the peer is asked whether it is there
    source: str  # our number, and what comes back to it
    source_ton: int
    source_npi: int
    dest_ton: int
    dest_npi: int
    region: str  # whose national numbers come without a country code, e.g. CN
    left_out: str  # the country code that isn't written to the gateway, or ""
    validity: bool  # whether a submit says until when it is worth delivering
    reference_tlv: int | None  # a TLV that the carrier agreed to bring back in receipts


def read_settings(config: RouteConfig) -> SmppSettings:
    """Read them.

    Raises:
        NotConfiguredError: One is missing, unknown or wrong.
    """
    options.only(config, _KNOWN)
    return SmppSettings(
        host=options.header_text(config, "host"),
        port=options.whole(config, "port", 2775, range(1, 65_536)),
        # How long each may be: SMPP 3.4, 4.1.1.
        system_id=_short(config, "system_id", 15),
        password=_short(config, "password", 8),
        system_type=_short(config, "system_type", 12, ""),
        tls=_tls(config),
        window=options.whole(config, "window", 10, range(1, 1001)),
        enquire_link_s=options.whole(config, "enquire_link_s", 15, range(1, 601)),
        source=_short(config, "source", LONGEST_ADDRESS, ""),
        source_ton=options.whole(config, "source_ton", 0, _OCTET),
        source_npi=options.whole(config, "source_npi", 1, _OCTET),
        dest_ton=options.whole(
            config, "dest_ton", 2 if _flag(config, "national_numbers") else 1, _OCTET
        ),
        dest_npi=options.whole(config, "dest_npi", 1, _OCTET),
        region=_region(config),
        left_out=(
            str(phonenumbers.country_code_for_region(_region(config)))
            if _flag(config, "national_numbers")
            else ""
        ),
        validity=_flag(config, "validity", default=True),
        reference_tlv=(
            options.whole(config, "reference_tlv", 0, _VENDORS_OWN)
            if "reference_tlv" in config.options
            else None
        ),
    )


def _short(config: RouteConfig, option: str, longest: int, default: str | None = None) -> str:
    """Printable ASCII that its field can carry; smpplib would cut off the rest in silence."""
    if default is not None and config.options.get(option, default) == default:
        return default
    value = options.header_text(config, option)
    if len(value) > longest:
        raise options.wrong(config, option, f"has more than {longest} characters")
    return value


def _flag(config: RouteConfig, option: str, *, default: bool = False) -> bool:
    value = config.options.get(option, default)
    if not isinstance(value, bool):
        raise options.wrong(config, option, "must be true or false")
    return value


def _region(config: RouteConfig) -> str:
    region = options.text(config, "region", "CN")
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise options.wrong(config, "region", "must be a country's two letters, such as CN")
    return region


def _tls(config: RouteConfig) -> ssl.SSLContext | None:
    ca_file = options.optional_text(config, "ca_file")
    if not _flag(config, "tls", default=ca_file is not None):
        if ca_file is not None:
            raise options.wrong(config, "ca_file", "needs tls = true")
        return None
    try:
        return trust() if ca_file is None else ssl.create_default_context(cafile=ca_file)
    except OSError:
        raise options.wrong(config, "ca_file", "must be a file of PEM certificates") from None
