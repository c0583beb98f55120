"""Whether people can answer by SMS and are understood, and loudspeakers obey, as doctor sees it."""

from collections.abc import Iterator, Mapping
from typing import Final

from sqlalchemy import Connection, case, func, select

from alertd.cli.findings import Finding, Health
from alertd.cli.words import _
from alertd.model import Millis
from alertd.settings import Settings
from alertd.store import tables as t

_HOME: Final = "+86"
# The first two digits of a code of mainland China (GB/T 2260): numbers there begin with +86.
_MAINLAND: Final = range(11, 66)
_HOUR_MS: Final = 3_600_000
_EARLY: Final = ("told-meanwhile", "before-told")  # as decide.interpret says it
# A few are always on their way while an update goes out.
_MANY_EARLY: Final = 10
_LARGE_SHARE: Final = 10
_WITNESSES: Final = 3  # loudspeakers that have another time: of fewer, each may be wrong by itself
_CLOCKS: Final = ("clock-ahead", "clock-behind")


def one_way_findings(settings: Settings, channels: Mapping[str, str]) -> list[Finding]:
    """Twilio as the only way for SMS in mainland China: what goes out, nobody there can answer.

    Args:
        settings: With the routes.
        channels: Each route's channel, by the route's name; "" where it isn't known.
    """
    ways = {
        route.type
        for name, route in settings.routes.items()
        if (route.type == "twilio" or channels.get(name, "") in {"sms", ""})
        and "Actual" in route.carries
        and any(n.startswith(_HOME) or _HOME.startswith(n) for n in route.numbers or [_HOME])
    }
    if ways != {"twilio"} or int(settings.city_code[:2]) not in _MAINLAND:
        return []
    text = _(
        "Twilio has no two-way SMS in mainland China (+86): nobody can answer. "
        "Add a modem or a carrier gateway for SMS."
    )
    return [Finding(_("answers by SMS"), Health.BROKEN, text)]


def early_findings(connection: Connection, now: Millis) -> Iterator[Finding]:
    """Routes whose last hour's replies are dated before their senders were told, a tenth or more.

    They cover nothing until their senders have answered once more.
    """
    c = t.inbound.c
    early = func.sum(case((c.reason.in_(_EARLY), 1), else_=0))
    replies = (
        select(c.route, early, func.count())
        .where(c.received_at > now - _HOUR_MS)
        .group_by(c.route)
        .order_by(c.route)
    )
    for route, count, of in connection.execute(replies):
        if count >= _MANY_EARLY and count * _LARGE_SHARE >= of:
            text = _(
                "{count} of the last hour's {of} replies on {route} are dated before their senders"
                " were told: this machine's clock is ahead, or the gateway's behind. They are asked"
                " to answer by the alert's code; put the wrong clock right"
            )
            told = text.format(count=f"{count:,}", of=f"{of:,}", route=route)
            yield Finding(_("answers by SMS"), Health.LOOK, told)


def witness_findings(connection: Connection) -> Iterator[Finding]:
    """Half of the loudspeakers that are there, or more, have the same other time than this one."""
    c = t.terminal_state.c
    faults = select(c.fault, func.count()).where(c.online != 0).group_by(c.fault)
    there = {fault: int(count) for fault, count in connection.execute(faults)}
    for fault in _CLOCKS:
        count, of = there.get(fault, 0), sum(there.values())
        if count >= _WITNESSES and 2 * count >= of:
            text = _(
                "{count} of {of} loudspeakers have another time than this machine, whose clock is"
                " probably the wrong one: they would take its alerts as over, or as too early"
            )
            yield Finding(_("clock"), Health.BROKEN, text.format(count=f"{count:,}", of=f"{of:,}"))
