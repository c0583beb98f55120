"""Keeps the routes' accounts: what leaves is counted, and written down with the next step."""

from collections.abc import Mapping
from datetime import datetime, tzinfo

from alertd.decide.budget import Account, is_budgeted, is_spent
from alertd.decide.plan import Route
from alertd.engine.turn import Flow, Turn
from alertd.messages import sms_size
from alertd.model import Millis
from alertd.store import spending
from channels.base import Outgoing


def book(turn: Turn) -> None:
    """Write down what has left since the last step, and read what others have sent."""
    day = _day(turn.now, turn.library.zone)
    for name, route in turn.routes.items():
        if is_budgeted(route):
            flow = turn.flows[name]
            spent = spending.book(turn.connection, name, day, flow.account.unbooked)
            flow.account = Account(day=day, spent=spent)


def carry(route: Route, flow: Flow, messages: tuple[Outgoing, ...]) -> None:
    """Count what leaves by a route."""
    if is_budgeted(route):
        flow.account = flow.account.carry(sum(sms_size(each.text).parts for each in messages))


def spent(routes: Mapping[str, Route], flows: Mapping[str, Flow]) -> frozenset[str]:
    """The routes whose budgets have come to their end for today."""
    return frozenset(
        name
        for name, route in routes.items()
        if is_budgeted(route) and is_spent(route, flows[name].account)
    )


def _day(now: Millis, zone: tzinfo) -> int:
    return datetime.fromtimestamp(now / 1000, zone).toordinal()
