"""The poster for the notice board: the alert in the largest type that fits on A4. Pure."""

import io
from collections.abc import Sequence
from typing import Any, Final

import segno

from alertd.i18n import LANGUAGES, N_, translator
from alertd.report.paper.values import Head, common
from alertd.store.reads.paper import UnitHead
from channels.paper.notice import NOT_REAL

_COLOURS: Final = {1: "#b3161b", 2: "#c85a00", 3: "#8a6a00", 4: "#1f5fa8"}  # by CAP severity
_DRILL: Final = "#0b5a8a"  # the console's own for a drill
_RECEIVED: Final = "1"  # in the reply grammar; "done" would say that people were moved


def data(head: Head, text: str, grids: Sequence[tuple[UnitHead, str]]) -> dict[str, Any]:
    """The data of a poster's template: a page a grid.

    Args:
        head: The alert.
        text: As the route for posters has it.
        grids: Each with the page of whoever posts it there; "" for none.
    """
    say = head.say
    real = head.status == "Actual"
    return {
        **common(head, say(N_("Notice"))),
        "band": _COLOURS.get(head.severity, _COLOURS[4]) if real else _DRILL,
        "real": real,
        # In every language: who walks past may read either.
        "marks": [translator(each)(NOT_REAL[head.status]) for each in LANGUAGES]
        if head.status in NOT_REAL
        else [],
        "text": text,
        "issued": head.moment(head.issued_at),
        "labels": {
            "cut": say(N_("Cut off here before it is posted")),
            "post": say(N_("Post this where everybody passes, then say so:")),
            "scan": say(N_("scan this code and press “Received”")),
            "reply": say(N_("answer the SMS: {answer}")).format(
                answer=f"{head.short_code} {_RECEIVED}"
            ),
            "own": say(N_("The code is the grid leader's own: it must not hang on the board.")),
        },
        "pages": [{"place": grid.name, "code": _qr(link) if link else ""} for grid, link in grids],
    }


def _qr(link: str) -> str:
    """A QR code as SVG."""
    drawn = io.BytesIO()
    segno.make(link, error="m", micro=False).save(drawn, kind="svg", border=2, xmldecl=False)
    return drawn.getvalue().decode()
