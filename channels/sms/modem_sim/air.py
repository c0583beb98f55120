"""What a simulated modem meets: the network's time, its refusals, and the modem's own flaws."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any


class Mode(StrEnum):
    """What happens to the next message that is submitted."""

    OK = "ok"
    REFUSE = "refuse"  # +CMS ERROR with `code`; the network doesn't have it
    LOST = "lost"  # taken; the answer never comes, other commands are answered
    HANG = "hang"  # taken; deaf from then on
    GARBAGE = "garbage"  # taken; noise comes in place of the answer
    UNPLUG = "unplug"  # taken; the device goes, and a new one comes under the same name
    BARE = "bare"  # taken; OK without a reference
    NO_PROMPT = "no-prompt"  # the modem never asks for the message
    DEAF = "deaf"  # answers nothing at all


class Reports(StrEnum):
    """What becomes of status reports."""

    MANUAL = "manual"  # only those that `POST /control/reports` asks for
    PROMPT = "prompt"  # arrived, at once
    TWICE = "twice"  # arrived, at once, two times
    FAILED = "failed"  # given up, at once


@dataclass(frozen=True, slots=True)
class Air:
    """One modem's surroundings.

    Args:
        mode: What happens to a submitted message.
        code: The number of its +CMS ERROR.
        network_s: How long the network takes for a part.
        reports: What becomes of status reports.
        stored_reports: Keep reports in memory (+CDSI) instead of passing them on (+CDS).
        pin: The SIM asks for this; "" once it is open.
        registered: Whether the network has let it in.
        signal: As AT+CSQ says it, 0 to 31, or 99.
        credit: What the network answers to USSD.
        erase_s: How long the modem takes to free a place.
        worn: A place that can't be freed, or 0.
    """

    mode: Mode = Mode.OK
    code: int = 38
    network_s: float = 0.0
    reports: Reports = Reports.MANUAL
    stored_reports: bool = False
    pin: str = ""
    registered: bool = True
    signal: int = 20
    credit: str = "Balance: 12.50 CNY"
    erase_s: float = 0.0
    worn: int = 0


def changed(air: Air, wanted: dict[str, Any]) -> Air:
    """`air` with what a control request wants; the rest stays.

    Raises:
        ValueError: A field is unknown or its value isn't one.
    """
    values = dict(wanted)
    if "mode" in values:
        values["mode"] = Mode(values["mode"])
    if "reports" in values:
        values["reports"] = Reports(values["reports"])
    try:
        return replace(air, **values)
    except TypeError as error:
        raise ValueError(str(error)) from None
