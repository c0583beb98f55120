"""What a draft is expected to come to: when everybody has it, and what it takes of budgets."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from alertd.decide.budget import Account, plan, repeats
from alertd.decide.forecast import Outlook, Waiting, Wave, ahead, first_rung_s, outlook
from alertd.decide.plan import Leave, Route, refusal
from alertd.model import Channel, Precedence
from alertd.store.roster import Headcount


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a forecast looks at beside the headcount.

    Args:
        routes: All there are.
        policy: As it will be frozen.
        leave: How the alert may travel.
        severity: 1 Extreme … 4 Minor.
        parts: The most that a text takes.
        waiting: What waits already.
        alike: Whether those who share a number read the same there.
    """

    routes: tuple[Route, ...]
    policy: Mapping[str, Any]
    leave: Leave
    severity: int
    parts: int
    waiting: Waiting
    alike: bool


def forecast(found: Headcount, on: Expected) -> dict[str, Any]:
    """When each channel's messages will have been handed over; null where no route carries any."""
    shown: dict[str, Any] = {}
    for word, n in found.by_channel.items():
        if not n:
            continue
        channel = Channel[word.upper()]
        waves = [
            Wave(
                name=name if channel is Channel.SMS else "all",
                levels=levels,
                ahead=ahead(
                    on.waiting,
                    channel,
                    on.routes,
                    on.leave,
                    on.severity,
                    Precedence[name.upper()],
                ),
            )
            for name, levels in found.waves[word].items()
        ]
        due_s = first_rung_s(on.policy)
        seen = outlook(channel, waves, on.routes, on.leave, parts=on.parts, due_s=due_s)
        shown[word] = None if seen.whole is None else _shown(seen, due_s)
    return shown


def _shown(seen: Outlook, due_s: float | None) -> dict[str, Any]:
    groups, levels = (
        {name: asdict(finish) for name, finish in part} for part in (seen.groups, seen.levels)
    )
    whole = asdict(seen.whole) if seen.whole else {}
    return {**whole, "groups": groups, "levels": levels, "ahead": seen.ahead, "due_s": due_s}


def budget(found: Headcount, on: Expected, accounts: Mapping[str, Account]) -> dict[str, Any]:
    """What the first wave of SMS takes of the routes' budgets."""
    sms = [route for route in on.routes if route.channel is Channel.SMS]
    carrying = [route for route in sms if refusal(route, on.leave) is None]
    planned = plan(found.by_channel[Channel.SMS.word] * on.parts, carrying, accounts)
    return {**asdict(planned), "repeats": repeats(found.sharing, carrying) if on.alike else {}}


def kept(forecast: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of a forecast what the report compares."""
    return [
        {
            "channel": channel,
            **_times(whole),
            "ahead": whole["ahead"],
            "due_ms": None if whole["due_s"] is None else round(whole["due_s"] * 1000),
            "levels": [{"level": name, **_times(one)} for name, one in whole["levels"].items()],
        }
        for channel, whole in forecast.items()
        if whole is not None
    ]


def _times(finish: Mapping[str, Any]) -> dict[str, int]:
    times = {f"{when}_ms": round(finish[f"{when}_s"] * 1000) for when in ("first", "most", "last")}
    return {"messages": finish["messages"], "late": finish["late"], **times}
