"""Whether people can answer by SMS, as doctor sees it."""

from collections.abc import Mapping
from typing import Final

from alertd.cli.findings import Finding, Health
from alertd.cli.words import _
from alertd.settings import Settings

_HOME: Final = "+86"
# The first two digits of a code of mainland China (GB/T 2260): numbers there begin with +86.
_MAINLAND: Final = range(11, 66)


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
