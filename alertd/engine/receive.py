"""What came back: receipts, replies and loudspeakers' presence; stored raw first, then read."""

from collections.abc import Sequence

from sqlalchemy import select

from alertd.engine import replies, settling
from alertd.engine.turn import Turn
from alertd.model import FOREVER
from alertd.store import tables as t
from channels.base import Event, Presence, Receipt, Reply


def events(turn: Turn, route: str, came: Sequence[Event]) -> None:
    """Take what a route brought, in the order it came."""
    turn.source = f"route:{route}"
    words = [event for event in came if isinstance(event, Receipt)]
    if words:
        settling.receipts(turn, route, words)
    said = [event for event in came if isinstance(event, Reply)]
    if said:
        replies.take(turn, route, said)
    seen = [event for event in came if isinstance(event, Presence)]
    if seen:
        _presence(turn, seen)
    turn.source = "engine"


def _presence(turn: Turn, seen: Sequence[Presence]) -> None:
    c = t.terminal.c
    last = {event.terminal: event for event in seen}
    known = turn.connection.execute(
        select(c.no, c.terminal_id).where(c.terminal_id.in_(last), c.to_version == FOREVER)
    ).all()
    items = [[no, last[name].online, last[name].fault] for no, name in known]
    if items:
        turn.record("presence", {"items": items})
    if here := [no for no, name in known if last[name].online]:
        settling.back(turn, here)
