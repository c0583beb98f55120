"""Keeps the routes' accounts: what leaves is counted, and written down with the next step."""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo

from alertd.decide.budget import Account, Said, fitting, is_budgeted, is_spent
from alertd.decide.plan import Route
from alertd.engine.material import Material
from alertd.engine.turn import Flow, Turn
from alertd.messages import sms_size
from alertd.model import REAL, Millis
from alertd.store import spending
from alertd.store.outbox import Row
from alertd.store.vault import Vault
from channels.base import Fault, Outcome, Outgoing, SendError

USED_UP = "same-text-used-up"
_HASH_BYTES = 8  # of the few texts that one number is sent in a day


def book(turn: Turn) -> None:
    """Write down what has left since the last step, and read what others have sent."""
    counted = [name for name, route in turn.routes.items() if _is_counted(route)]
    if not counted:
        return
    day = _day(turn.now, turn.library.zone)
    for name in counted:
        route, flow = turn.routes[name], turn.flows[name]
        if is_budgeted(route):
            spent = spending.book(turn.connection, name, day, flow.account.unbooked)
            flow.account = Account(day=day, spent=spent)
        if route.same_text_per_day is not None:
            spending.book_texts(turn.connection, name, day, flow.said)
            flow.said = {}
            if flow.said_on != day:
                spending.forget_texts(turn.connection, name, day)
                flow.said_on = day


def _is_counted(route: Route) -> bool:
    return route.same_text_per_day is not None or is_budgeted(route)


def said_before(turn: Turn, route: Route, rows: Sequence[Row]) -> dict[Said, int]:
    """How often each text has left by a route today for the addresses of `rows`."""
    if route.same_text_per_day is None:
        return {}
    addresses = [row.address_no for row in rows if row.address_no]
    day = _day(turn.now, turn.library.zone)
    return spending.texts(turn.connection, route.name, day, addresses)


def carry(route: Route, flow: Flow, messages: tuple[Outgoing, ...]) -> None:
    """Count what leaves by a route."""
    if is_budgeted(route):
        flow.account = flow.account.carry(sum(sms_size(each.text).parts for each in messages))


def repeated(
    route: Route, flow: Flow, material: Material, made: Sequence[Outgoing], vault: Vault
) -> tuple[list[Outgoing], list[Outcome]]:
    """Take out what its gateway would refuse as a repetition; count the rest.

    It ends as refused, unsent: another route takes it, and where there is none the ladder climbs.
    A call for help is tried all the same.
    """
    if route.same_text_per_day is None:
        return list(made), []
    numbers = {row.id: row.address_no for row in material.rows if row.address_no}
    said = {
        each.delivery: (numbers[each.delivery], vault.blind(each.text)[:_HASH_BYTES])
        for each in made
        if each.delivery in numbers
    }
    counted = [each for each in made if each.delivery in said and each.kind not in REAL]
    fits = fitting(
        route.same_text_per_day, material.before, (said[each.delivery] for each in counted)
    )
    over = {each.delivery for each, does in zip(counted, fits, strict=True) if not does}
    kept = [each for each in made if each.delivery not in over]
    for each in kept:
        if each.delivery in said:
            text = flow.saying[each.delivery] = said[each.delivery]
            flow.said[text] = flow.said.get(text, 0) + 1
    refused = SendError(Fault.REFUSED, USED_UP)
    return kept, [
        Outcome(each.delivery, each.attempt, refused) for each in made if each.delivery in over
    ]


def heard(flow: Flow, outcome: Outcome) -> None:
    """A try ended: one that surely didn't leave counts for nothing."""
    said = flow.saying.pop(outcome.delivery, None)
    if said is not None and isinstance(outcome.result, SendError):
        unsent = outcome.result.fault is not Fault.UNKNOWN
        flow.said[said] = flow.said.get(said, 0) - unsent


def spent(routes: Mapping[str, Route], flows: Mapping[str, Flow]) -> frozenset[str]:
    """The routes whose budgets have come to their end for today."""
    return frozenset(
        name
        for name, route in routes.items()
        if is_budgeted(route) and is_spent(route, flows[name].account)
    )


def _day(now: Millis, zone: tzinfo) -> int:
    return datetime.fromtimestamp(now / 1000, zone).toordinal()
