"""The report of a city's alert in each of its forms: time, bytes, memory.

Every role of the city was told; of each hundred people 95 get a receipt, 85 answer within twenty
minutes, and the others are chased up the ladder to its end.
"""

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from figures import Figure
from ground import CACHE, CITY_SCALES, Ground, accepting, ground

from alertd.engine import receive
from alertd.report.make import FORMATS
from channels.base import Event, Outgoing, Receipt, ReceiptStatus, Reply

_HERE = Path(__file__).resolve().parent
_FORMS: Final = ("count", *FORMATS, "bundle", "verify")
_AT_MOST_S: Final = 60
_TICK_MS, _WHOLE_MS = 10_000, 25 * 60_000
_AT_ONCE = 500
_PHONE = "+86"


def run(*, quick: bool) -> list[Figure]:
    """Of the smaller city, which is one of 20,000 people."""
    people = min(CITY_SCALES)
    with ground(people) as here, tempfile.TemporaryDirectory(dir=CACHE) as folder:
        play(here)
        return [_figure(people, form, _written(here.path, form, folder)) for form in _FORMS]


def play(here: Ground) -> None:
    """The alert from its issue until the ladders have ended."""
    dice = random.Random(5)
    here.expand(here.draft())
    until = here.now + _WHOLE_MS
    answered: set[str] = set()
    due: dict[int, list[Event]] = {}
    while here.now < until:
        for message in _sent(here):
            if message.address.startswith(_PHONE):
                _reacts(here.now, message, dice, answered, due)
        for tick in sorted(due):
            if tick <= here.now:
                _take(here, due.pop(tick))
        here.now += _TICK_MS


def _sent(here: Ground) -> list[Outgoing]:
    """Hand over what is to go; what went."""
    found: list[Outgoing] = []
    inputs: list[Callable[..., Any]] = []
    while True:
        committed = here.engine.commit(here.now, inputs)
        assert not any(answer.error for answer in committed.answers)
        handovers = [here.engine.render(claimed) for claimed in committed.claimed]
        if not handovers and not committed.again:
            return found
        found += [message for handover in handovers for message in handover.messages]
        inputs = [accepting(handover) for handover in handovers]


def _reacts(
    now: int, message: Outgoing, dice: random.Random, known: set[str], due: dict[int, list[Event]]
) -> None:
    if dice.random() < 0.95:
        receipt = Receipt(
            delivery=message.delivery, attempt=message.attempt, status=ReceiptStatus.DELIVERED
        )
        due.setdefault(now + _TICK_MS, []).append(receipt)
    if message.address in known:
        return
    known.add(message.address)
    if dice.random() < 0.85:
        at = now + round(min(1200.0, dice.lognormvariate(0, 0.9) * 120) * 1000)
        text = dice.choices(("1", "2 12/15", "3 水进屋了"), (899, 100, 1))[0]
        key = f"r{len(known)}"
        tick = at // _TICK_MS * _TICK_MS
        due.setdefault(tick, []).append(Reply(gateway_id=key, sender=message.address, text=text))


def _take(here: Ground, came: Sequence[Event]) -> None:
    for first in range(0, len(came), _AT_ONCE):
        part = came[first : first + _AT_ONCE]
        here.take(partial(receive.events, route="sms", came=part))


def _written(city: Path, form: str, folder: str) -> dict[str, Any]:
    words = [sys.executable, str(_HERE / "report_node.py"), str(city), form, folder]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _figure(people: int, form: str, found: Mapping[str, Any]) -> Figure:
    child = f", {found['child_mb']:.0f} MB in the child that draws" if found["child_mb"] else ""
    return Figure(
        bench="report",
        what=form,
        size=people,
        ours=found["cpu_seconds"],
        unit="s of a core",
        at_most=_AT_MOST_S,
        peak_mb=found["peak_mb"],
        note=f"{found['seconds']:.1f} s by the clock, {found['bytes'] / 1e6:.1f} MB of files"
        f"{child}, {found['before_mb']:.0f} MB before it began; {found['size']}",
    )
