"""The options of a route of type `modems`, read."""

import re
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from alertd.i18n import N_
from channels import options
from channels.base import RouteConfig

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,30}")
_OF_A_MODEM = frozenset({"device", "connection", "model", "cnmi", "sim_pin", "smsc", "ussd"})
_OF_THE_ROUTE = frozenset({"modems", "part_timeout_s", "poll_s", "country"})
_PIN = re.compile(r"\d{4,8}")
_NUMBER = re.compile(r"\+?\d{3,20}")
_USSD = re.compile(r"[*#0-9]{2,30}")
_CONNECTION = re.compile(r"[a-z0-9-]{2,30}")
_MODEL = re.compile(r"[A-Za-z0-9-]{0,30}")
# Of mode, mt, bm and ds (3GPP TS 27.005, 3.4.1). With mt 2 or 3 the modem passes a reply on and
# keeps it nowhere: it would be lost with whoever didn't store it.
_CNMI = re.compile(r"[0-3]?(,[01]?(,[0-3]?(,[0-2]?)?)?)?")
_CNMI_IS = N_("must be up to four digits with commas between, the second of them empty, 0 or 1")
_COUNTRY = re.compile(r"\d{1,3}")


@dataclass(frozen=True, slots=True)
class ModemSettings:
    """One modem.

    Args:
        name: The operator's own name of it, for logs and health.
        device: Its serial device; of the kind that keeps its name, `/dev/serial/by-id/…`.
        connection: As gammu names it: `at115200`, `at19200`, `proxyat`, `none` for its dummy.
        model: gammu's driver: `at`, `dummy`, or empty to have it guessed.
        cnmi: What to ask of AT+CNMI, as gammu's `atgen_setcnmi`; the fourth asks for reports.
        sim_pin: The SIM's PIN, or None where it asks for none.
        smsc: The service centre's number, or None for the one on the SIM.
        ussd: The code that tells the SIM's credit, or None.
    """

    name: str
    device: str
    connection: str
    model: str
    cnmi: str
    sim_pin: str | None = field(repr=False)
    smsc: str | None = field(repr=False)
    ussd: str | None

    def for_child(self, *, with_pin: bool) -> dict[str, Any]:
        """The first line for its process."""
        return {**asdict(self), "sim_pin": self.sim_pin if with_pin else None}


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """All modems of a route.

    Args:
        modems: At least one; each device once.
        part_timeout_s: Past it a part's fate is unknown and its modem is started anew.
        poll_s: How often each is asked for what came in, besides when it says so itself.
        country: The calling code that inbound national numbers lack.
    """

    modems: tuple[ModemSettings, ...]
    part_timeout_s: float
    poll_s: float
    country: str


def read_settings(config: RouteConfig) -> PoolSettings:
    """The options of `config`.

    Raises:
        NotConfiguredError: One is missing, unknown or wrong.
    """
    options.only(config, _OF_A_MODEM - {"device"} | _OF_THE_ROUTE)
    tables = config.options.get("modems")
    if not isinstance(tables, dict) or not tables:
        raise options.wrong(config, "modems", "must be a table with one table for each modem")
    modems = tuple(_modem(config, name, table) for name, table in tables.items())
    if len({modem.device for modem in modems}) < len(modems):
        raise options.wrong(config, "modems", "names one device twice")
    return PoolSettings(
        modems=modems,
        part_timeout_s=_seconds(config, "part_timeout_s", 60.0, least=0.5, most=300.0),
        poll_s=_seconds(config, "poll_s", 15.0, least=0.1, most=600.0),
        country=_matching(config, "country", _COUNTRY, N_("must be digits, such as 86")) or "86",
    )


def _modem(config: RouteConfig, name: str, table: Any) -> ModemSettings:
    if not _NAME.fullmatch(name):
        raise options.wrong(config, "modems", "holds a name that isn't of letters, digits, - and _")
    if not isinstance(table, dict):
        raise options.wrong(config, f"modems.{name}", "must be a table")
    if unknown := sorted(set(table) - _OF_A_MODEM):
        raise options.wrong(config, f"modems.{name}.{unknown[0]}", "is unknown")
    # What the route says holds for each of its modems that doesn't say otherwise.
    common = {key: value for key, value in config.options.items() if key in _OF_A_MODEM}
    mine = replace(config, options={**common, **table})
    device = options.text(mine, "device")
    if "\n" in device:
        raise options.wrong(config, f"modems.{name}.device", "must be one line")
    return ModemSettings(
        name=name,
        device=device,
        connection=_matching(mine, "connection", _CONNECTION, N_("must be one of gammu's"))
        or "at115200",
        model=_given(_matching(mine, "model", _MODEL, N_("must be a driver of gammu's")), "at"),
        cnmi=_given(_matching(mine, "cnmi", _CNMI, _CNMI_IS), ",,,1"),
        sim_pin=_matching(mine, "sim_pin", _PIN, N_("must be 4 to 8 digits, in quotation marks")),
        smsc=_matching(mine, "smsc", _NUMBER, N_("must be a phone number")),
        ussd=_matching(mine, "ussd", _USSD, N_("must be a code such as *100#")),
    )


def _given(value: str | None, default: str) -> str:
    return default if value is None else value


def _matching(config: RouteConfig, option: str, pattern: re.Pattern[str], rule: str) -> str | None:
    value = config.options.get(option)
    if value is None:
        return None
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise options.wrong(config, option, rule)
    return value


def _seconds(
    config: RouteConfig, option: str, default: float, *, least: float, most: float
) -> float:
    value = config.options.get(option, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise options.wrong(config, option, f"must be a number from {least:g} to {most:g}")
    return float(value)
